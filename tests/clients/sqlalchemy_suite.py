"""SQLAlchemy over clickhouse-connect's own dialect (what Superset uses), against HOST:PORT USER PASSWORD."""

import datetime
import sys

import sqlalchemy
from sqlalchemy import MetaData, Table, column, create_engine, func, insert, inspect, select, table, text

ADDRESS, USER, PASSWORD = sys.argv[1:4]
engine = create_engine(f"clickhousedb://{USER}:{PASSWORD}@{ADDRESS}/default?compression=lz4")

with engine.connect() as connection:
    assert connection.execute(text("SELECT 1")).scalar() == 1
    connection.execute(text("DROP TABLE IF EXISTS alchemy_suite"))
    connection.execute(
        text(
            "CREATE TABLE alchemy_suite (id UInt64, name String, at DateTime('UTC'), score Nullable(Float64), tags Array(String)) "
            "ENGINE = MergeTree ORDER BY id"
        )
    )
    connection.execute(text("CREATE OR REPLACE VIEW alchemy_view AS SELECT id FROM alchemy_suite"))
    print("sqlalchemy text", flush=True)

inspector = inspect(engine)
assert "default" in inspector.get_schema_names()
assert "alchemy_suite" in inspector.get_table_names("default") and inspector.has_table("alchemy_suite")
assert "alchemy_view" in inspector.get_view_names("default")
assert not inspector.has_table("nosuch")
columns = {entry["name"]: entry for entry in inspector.get_columns("alchemy_suite")}
assert list(columns) == ["id", "name", "at", "score", "tags"] and columns["score"]["nullable"], columns
inspector.get_pk_constraint("alchemy_suite"), inspector.get_indexes("alchemy_suite"), inspector.get_foreign_keys("alchemy_suite")
print("sqlalchemy inspector", flush=True)

reflected = Table("alchemy_suite", MetaData(), autoload_with=engine)
AT = datetime.datetime(2026, 11, 25, 12, 0, 0)
with engine.connect() as connection:
    connection.execute(insert(reflected), [{"id": number, "name": f"n{number}", "at": AT, "score": None, "tags": ["x"]} for number in range(50)])
    connection.execute(insert(reflected).values(id=50, name="it's", at=AT, score=1.5, tags=["a", "b"]))
    assert connection.execute(select(func.count()).select_from(reflected)).scalar() == 51
    row = connection.execute(select(reflected.c.name, reflected.c.score, reflected.c.tags).where(reflected.c.id == 50)).one()
    assert (row.name, row.score, list(row.tags)) == ("it's", 1.5, ["a", "b"]), row
    print("sqlalchemy insert and select", flush=True)
    rows = connection.execute(text("SELECT name FROM alchemy_suite WHERE id > :low AND name != :name ORDER BY id"), {"low": 47, "name": "n48"}).all()
    assert [row.name for row in rows] == ["n49", "it's"], rows
    grouped = select(reflected.c.at, func.max(reflected.c.id).label("top")).group_by(reflected.c.at).order_by(sqlalchemy.desc("top")).limit(5)
    assert connection.execute(grouped).all()[0].top == 50
    assert connection.execute(select(column("number")).select_from(table("numbers", schema="system")).limit(3)).scalars().all() == [0, 1, 2]
    print("sqlalchemy parameters", flush=True)
    try:
        connection.execute(text("SELECT * FROM nosuch"))
        raise AssertionError("an unknown table goes unseen")
    except sqlalchemy.exc.DatabaseError as error:
        assert "UNKNOWN_TABLE" in str(error), error
    connection.execute(text("DROP VIEW alchemy_view"))
    connection.execute(text("DROP TABLE alchemy_suite"))
    print("sqlalchemy errors", flush=True)
engine.dispose()
