import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.Date;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Timestamp;
import java.time.LocalDateTime;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.UUID;

/** ClickHouse's JDBC driver against the server at HOST:PORT, as USER with PASSWORD. */
public final class JdbcSuite {
    private static void check(boolean good, Object what) {
        if (!good) {
            throw new AssertionError(String.valueOf(what));
        }
    }

    public static void main(String[] arguments) throws Exception {
        String url = "jdbc:clickhouse://" + arguments[0] + "/default";
        Properties properties = new Properties();
        properties.setProperty("user", arguments[1]);
        properties.setProperty("password", arguments[2]);
        try (Connection connection = DriverManager.getConnection(url, properties)) {
            statements(connection);
            metadata(connection);
            prepared(connection);
            types(connection);
            errors(connection, url, arguments[1]);
            try (Statement statement = connection.createStatement()) {
                statement.execute("DROP TABLE jdbc_suite");
            }
        }
    }

    private static void statements(Connection connection) throws SQLException {
        check(connection.isValid(5), "isValid");
        try (Statement statement = connection.createStatement()) {
            try (ResultSet rows = statement.executeQuery("SELECT 1 AS one, 'x' AS text")) {
                check(rows.next() && rows.getInt("one") == 1 && rows.getString(2).equals("x") && !rows.next(), "select");
            }
            statement.execute("DROP TABLE IF EXISTS jdbc_suite");
            statement.executeUpdate("CREATE TABLE jdbc_suite (id UInt64, name String, at DateTime64(3, 'UTC'), day Date, "
                + "score Nullable(Float64), tags Array(String), amount Decimal(18, 4), key UUID) ENGINE = MergeTree ORDER BY id");
            int written = statement.executeUpdate("INSERT INTO jdbc_suite (id, name) VALUES (1, 'one'), (2, 'two')");
            check(written == 2, "rows written: " + written);
            try (ResultSet rows = statement.executeQuery("SELECT number FROM numbers(200000)")) {
                long sum = 0;
                while (rows.next()) {
                    sum += rows.getLong(1);
                }
                check(sum == 19999900000L, sum);
            }
            statement.setMaxRows(10);
        }
        System.out.println("jdbc statements");
    }

    private static void metadata(Connection connection) throws SQLException {
        DatabaseMetaData metadata = connection.getMetaData();
        check(metadata.getDatabaseProductName().equals("ClickHouse"), metadata.getDatabaseProductName());
        check(metadata.getDatabaseMajorVersion() >= 25, metadata.getDatabaseProductVersion());
        Set<String> tables = new HashSet<>();
        try (ResultSet rows = metadata.getTables(null, "default", "jdbc%", new String[] {"TABLE"})) {
            while (rows.next()) {
                tables.add(rows.getString("TABLE_NAME"));
            }
        }
        check(tables.contains("jdbc_suite"), tables);
        StringBuilder columns = new StringBuilder();
        try (ResultSet rows = metadata.getColumns(null, "default", "jdbc_suite", "%")) {
            while (rows.next()) {
                columns.append(rows.getString("COLUMN_NAME")).append(' ');
            }
        }
        check(columns.toString().equals("id name at day score tags amount key "), columns);
        boolean found = false;
        try (ResultSet rows = metadata.getSchemas()) {
            while (rows.next()) {
                found |= rows.getString("TABLE_SCHEM").equals("default");
            }
        }
        check(found, "schemas");
        try (ResultSet rows = metadata.getTypeInfo()) {
            check(rows.next(), "types");
        }
        System.out.println("jdbc metadata");
    }

    private static void prepared(Connection connection) throws SQLException {
        try (PreparedStatement insert = connection.prepareStatement("INSERT INTO jdbc_suite (id, name, score) VALUES (?, ?, ?)")) {
            for (int number = 100; number < 1100; number++) {
                insert.setLong(1, number);
                insert.setString(2, "it's " + number);
                insert.setObject(3, number % 2 == 0 ? null : Double.valueOf(number));
                insert.addBatch();
            }
            check(insert.executeBatch().length == 1000, "batch");
        }
        try (PreparedStatement select = connection.prepareStatement("SELECT count(), max(name) FROM jdbc_suite WHERE id >= ? AND name LIKE ?")) {
            select.setLong(1, 100);
            select.setString(2, "it's %");
            try (ResultSet rows = select.executeQuery()) {
                check(rows.next() && rows.getLong(1) == 1000 && rows.getString(2).equals("it's 999"), "prepared");
                ResultSetMetaData metadata = rows.getMetaData();
                check(metadata.getColumnCount() == 2 && metadata.getColumnName(1).equals("count()"), metadata.getColumnName(1));
            }
        }
        System.out.println("jdbc prepared statements and batches");
    }

    private static void types(Connection connection) throws SQLException {
        UUID key = UUID.fromString("12345678-1234-5678-1234-567812345678");
        LocalDateTime at = LocalDateTime.of(2026, 11, 25, 12, 30, 15, 250_000_000);
        try (PreparedStatement insert = connection.prepareStatement("INSERT INTO jdbc_suite VALUES (?, ?, ?, ?, ?, ?, ?, ?)")) {
            insert.setLong(1, 9000);
            insert.setString(2, "tên \\ \t '");
            insert.setObject(3, at);
            insert.setDate(4, Date.valueOf("2026-11-25"));
            insert.setDouble(5, 1.5);
            insert.setArray(6, connection.createArrayOf("String", new Object[] {"a", "b'c"}));
            insert.setBigDecimal(7, new BigDecimal("12.3400"));
            insert.setObject(8, key);
            insert.executeUpdate();
        }
        try (Statement statement = connection.createStatement();
             ResultSet rows = statement.executeQuery("SELECT * FROM jdbc_suite WHERE id = 9000")) {
            check(rows.next(), "the row");
            check(rows.getString("name").equals("tên \\ \t '"), rows.getString("name"));
            Timestamp timestamp = rows.getTimestamp("at");
            check(timestamp.getNanos() == 250_000_000, timestamp);
            check(rows.getDate("day").equals(Date.valueOf("2026-11-25")), rows.getDate("day"));
            check(rows.getDouble("score") == 1.5 && !rows.wasNull(), "score");
            List<?> tags = Arrays.asList((Object[]) rows.getArray("tags").getArray());
            check(tags.equals(List.of("a", "b'c")), tags);
            check(rows.getBigDecimal("amount").compareTo(new BigDecimal("12.34")) == 0, rows.getBigDecimal("amount"));
            check(rows.getObject("key").equals(key), rows.getObject("key"));
        }
        System.out.println("jdbc types");
    }

    private static void errors(Connection connection, String url, String user) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.executeQuery("SELECT * FROM nosuch");
            throw new AssertionError("an unknown table goes unseen");
        } catch (SQLException error) {
            check(error.getErrorCode() == 60 || error.getMessage().contains("UNKNOWN_TABLE"), error);
        }
        try (Statement statement = connection.createStatement()) {
            ResultSet rows = statement.executeQuery("SELECT 1");
            check(rows.next(), "after an error");
        }
        Properties wrong = new Properties();
        wrong.setProperty("user", user);
        wrong.setProperty("password", "wrong");
        try (Connection refused = DriverManager.getConnection(url, wrong); Statement statement = refused.createStatement()) {
            statement.executeQuery("SELECT 1");
            throw new AssertionError("a wrong password goes unseen");
        } catch (SQLException error) {
            check(String.valueOf(error.getMessage() + error.getCause()).contains("516")
                || String.valueOf(error.getMessage() + error.getCause()).contains("Authentication"), error);
        }
        System.out.println("jdbc errors");
    }
}
