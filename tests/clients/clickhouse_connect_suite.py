"""PyPI's clickhouse-connect, as it comes, against the server at argv[1] (HOST:PORT USER PASSWORD).

Each check is what a notebook or Superset does with it. Prints the name of each that passed; the first failure ends
the run with its traceback.
"""

import datetime
import io
import sys
import threading
import uuid

import clickhouse_connect
import numpy
import pandas
import pyarrow
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError
from clickhouse_connect.driver.external import ExternalData

HOST, PORT = sys.argv[1].rsplit(":", 1)
USER, PASSWORD = sys.argv[2], sys.argv[3]


def connect(**options):
    return clickhouse_connect.get_client(host=HOST, port=int(PORT), username=USER, password=PASSWORD, **options)


def refused(code, call):
    try:
        call()
    except DatabaseError as error:
        assert error.code == code or f"Code: {code}." in str(error) or f"code: {code}" in str(error), error
        return str(error)
    raise AssertionError(f"nothing was refused; {code} was expected")


TABLE = """CREATE OR REPLACE TABLE connect_suite (
    id UInt64, name String, at DateTime64(3, 'UTC'), day Date, score Nullable(Float64), tags Array(LowCardinality(String)),
    address IPv4, key UUID, amount Decimal(18, 4), counts Map(String, UInt32), kind Enum8('a' = 1, 'b' = 2)
) ENGINE = MergeTree ORDER BY id"""
AT = datetime.datetime(2026, 11, 25, 12, 30, 15, 250000, tzinfo=datetime.timezone.utc)
KEY = uuid.UUID("12345678-1234-5678-1234-567812345678")


def row(number):
    return [number, f"tên {number}", AT, AT.date(), None if number % 2 else number / 2, ["x", "y"], "10.0.0.1", KEY, number, {"k": number}, "b"]


def commands(client):
    assert client.ping() and client.min_version("24.8") and client.server_version.count(".") >= 2
    assert client.command("SELECT 1") == 1
    assert client.command("SELECT 'a', 'b'") == ["a", "b"]
    assert client.command("EXISTS TABLE nosuch") == 0
    client.command(TABLE)
    assert "connect_suite" in client.query("SHOW TABLES").result_columns[0]


def inserts(client):
    columns = ["id", "name", "at", "day", "score", "tags", "address", "key", "amount", "counts", "kind"]
    summary = client.insert("connect_suite", [row(number) for number in range(1000)], column_names=columns)
    assert summary.written_rows == 1000, summary.summary
    context = client.create_insert_context("connect_suite", columns)
    for number in range(1000, 1003):
        context.data = [row(number)]
        client.insert(context=context)
    assert client.insert("connect_suite", [[2000, "one"]], column_names=["id", "name"]).written_rows == 1
    frame = pandas.DataFrame({"id": [3000, 3001], "name": ["p", "q"], "score": [1.5, None]})
    client.insert_df("connect_suite", frame)
    client.insert_arrow("connect_suite", pyarrow.table({"id": pyarrow.array([4000], pyarrow.uint64()), "name": ["arrow"]}))
    client.raw_insert("connect_suite", ["id", "name"], b"5000,csv\n5001,csv\n", fmt="CSV")
    client.raw_insert("connect_suite", ["id", "name"], io.BytesIO(b'{"id":6000,"name":"json"}'), fmt="JSONEachRow")
    client.insert_df("connect_suite", pandas.DataFrame({"id": range(10_000, 210_000), "name": "many"}))
    assert client.command("SELECT count() FROM connect_suite") == 201_010


def queries(client):
    result = client.query("SELECT * FROM connect_suite WHERE id < 3 ORDER BY id")
    assert result.column_names[:2] == ("id", "name") and result.row_count == 3
    first, second = result.result_rows[0], result.first_row
    assert first == second and first[1] == "tên 0" and first[7] == KEY and first[9] == {"k": 0}, first
    assert first[2].replace(tzinfo=datetime.timezone.utc) == AT and str(first[6]) == "10.0.0.1" and first[10] == "b"
    assert [line[4] for line in result.result_rows] == [0.0, None, 1.0]
    named = list(client.query("SELECT id, name FROM connect_suite WHERE id = 1").named_results())
    assert named == [{"id": 1, "name": "tên 1"}]
    assert client.query("SELECT name FROM connect_suite LIMIT 0").column_names == ("name",)
    assert client.query("SELECT 1 AS a").summary["query_id"]
    context = client.create_query_context("SELECT {n:UInt8} + 1", parameters={"n": 4})
    assert client.query(context=context).first_row == (5,)
    assert client.query_np("SELECT number FROM numbers(5)").sum() == 10
    frame = client.query_df("SELECT id, at, score FROM connect_suite WHERE id < 10 ORDER BY id")
    assert list(frame.id) == list(range(10)) and frame.score.isna().sum() == 5
    arrow = client.query_arrow("SELECT id, name FROM connect_suite WHERE id < 10 ORDER BY id", use_strings=True)
    assert arrow.num_rows == 10 and arrow.column("name")[3].as_py() == "tên 3"
    assert client.raw_query("SELECT 1, 'x'", fmt="CSV") == b'1,"x"\n'
    assert client.raw_stream("SELECT number FROM numbers(3)", fmt="TSV").read() == b"0\n1\n2\n"


def streams(client):
    select = "SELECT number, toString(number) AS text FROM numbers(200000)"
    with client.query_rows_stream(select) as rows:
        assert sum(line[0] for line in rows) == 19_999_900_000
    with client.query_row_block_stream(select) as blocks:
        assert sum(len(block) for block in blocks) == 200_000
    with client.query_column_block_stream(select) as blocks:
        assert sum(len(block[0]) for block in blocks) == 200_000
    with client.query_np_stream("SELECT number FROM numbers(200000)") as blocks:
        assert sum(int(block.sum()) for block in blocks) == 19_999_900_000
    with client.query_df_stream(select) as frames:
        assert sum(len(frame) for frame in frames) == 200_000
    with client.query_arrow_stream(select) as batches:
        assert sum(batch.num_rows for batch in batches) == 200_000
    # A stream that nobody reads to its end leaves the session usable.
    with client.query_row_block_stream("SELECT number FROM numbers(100000000)") as blocks:
        next(iter(blocks))


def parameters(client):
    values = {"text": "it's \\ tab\t line\n ệ", "number": -5, "day": AT.date(), "list": ["a'b", "c"], "none": None}
    select = "SELECT {text:String}, {number:Int32}, {day:Date}, {list:Array(String)}, {none:Nullable(String)}"
    assert client.query(select, parameters=values).first_row == (values["text"], -5, AT.date(), ["a'b", "c"], None)
    assert client.query("SELECT %(a)s, %(b)s", parameters={"a": "x'y", "b": 2}).first_row == ("x'y", 2)
    long = {"ids": list(range(20_000))}
    assert client.query("SELECT length({ids:Array(UInt64)})", parameters=long).first_row == (20_000,)
    named = client.query("SELECT count() FROM {table:Identifier} WHERE id = {id:UInt64}", parameters={"table": "connect_suite", "id": 7})
    assert named.first_row == (1,)


def settings(client):
    asked = client.query("SELECT getSetting('max_threads')", settings={"max_threads": 3})
    assert asked.first_row == (3,)
    before = client.query("SELECT getSetting('max_threads')").first_row
    assert before != (3,) or client.query("SELECT getSetting('max_threads')", settings={"max_threads": 7}).first_row == (7,)
    client.set_client_setting("max_block_size", 1234)
    assert client.query("SELECT getSetting('max_block_size')").first_row == (1234,)
    assert client.get_client_setting("max_block_size") == "1234"
    assert refused(115, lambda: client.query("SELECT 1 SETTINGS nosuch_setting = 1"))


def sessions(client):
    client.command("CREATE TEMPORARY TABLE mine (a UInt8)")
    client.insert("mine", [[1], [2]], column_names=["a"], column_type_names=["UInt8"])
    assert client.command("SELECT sum(a) FROM mine") == 3
    client.command("SET max_threads = 2")
    assert client.command("SELECT getSetting('max_threads')") == 2
    other = connect(database="default")
    refused(60, lambda: other.query("SELECT * FROM mine"))
    other.close()
    # Two at once in one session; each client looks after its own requests, so it takes two.
    shared, watcher = connect(session_id=client.get_client_setting("session_id")), connect()
    long = threading.Thread(target=lambda: client.command("SELECT sleep(2)"))
    long.start()
    while watcher.command("SELECT count() FROM system.processes WHERE query LIKE 'SELECT sleep(2)%'") == 0:
        pass
    refused(373, lambda: shared.command("SELECT 1"))
    long.join()
    assert shared.command("SELECT sum(a) FROM mine") == 3
    shared.close()
    watcher.close()
    assert client.command("SELECT sum(a) FROM mine") == 3


def external_data(client):
    data = ExternalData(file_name="people.csv", fmt="CSV", structure="id UInt32, name String", data=b'1,"An"\n2,"B\xc3\xacnh"\n')
    data.add_file(file_name="numbers.tsv", types=["UInt8"], data=b"1\n3\n", fmt="TSV")
    select = "SELECT name FROM people WHERE id IN (SELECT _1 FROM numbers)"
    assert client.query(select, external_data=data).result_rows == [("An",)]
    assert client.query(select, external_data=data).result_rows == [("An",)], "the tables go with their request"
    refused(60, lambda: client.query("SELECT * FROM people"))


def errors(client):
    assert "UNKNOWN_TABLE" in refused(60, lambda: client.query("SELECT * FROM nosuch"))
    refused(62, lambda: client.command("SELEC 1"))
    refused(57, lambda: client.command("CREATE TABLE connect_suite (a Int8) ENGINE = Memory"))
    failed = False
    try:
        with client.query_row_block_stream("SELECT throwIf(number = 3000000), number FROM numbers(5000000)") as blocks:
            for _ in blocks:
                pass
    except (StreamFailureError, DatabaseError) as error:
        assert "throwIf" in str(error), error
        failed = True
    assert failed, "an error in the middle of a stream goes unseen"
    assert client.command("SELECT 1") == 1, "the session goes on after it"
    wrong = lambda: clickhouse_connect.get_client(host=HOST, port=int(PORT), username=USER, password="wrong")
    refused(516, wrong)


def compressions(_):
    for compress in (True, False, "lz4", "zstd", "gzip"):
        client = connect(compress=compress)
        client.command("CREATE OR REPLACE TABLE packed (a UInt64, s String) ENGINE = Memory")
        client.insert("packed", [[number, "text" * 20] for number in range(5000)], column_names=["a", "s"])
        assert client.query("SELECT sum(a), any(s) FROM packed").first_row == (12_497_500, "text" * 20), compress
        assert len(client.query("SELECT * FROM packed").result_rows) == 5000, compress
        client.close()


def without_session(_):
    client = connect(autogenerate_session_id=False, query_limit=5, database="system", query_retries=0)
    assert client.command("SELECT currentDatabase()") == "system"
    assert client.query("SELECT number FROM numbers(100)").row_count == 5
    threads = [threading.Thread(target=lambda: client.query("SELECT sleep(0.05)")) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.close()


def end(client):
    client.command("DROP TABLE connect_suite")
    client.command("DROP TABLE packed")
    client.close_connections()
    client.close()


client = connect()
for check in (commands, inserts, queries, streams, parameters, settings, sessions, external_data, errors, compressions, without_session, end):
    check(client)
    print(f"clickhouse-connect {check.__name__}", flush=True)
assert isinstance(numpy.__version__, str)
