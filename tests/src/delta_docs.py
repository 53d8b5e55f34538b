"""Runs the statements of docs/delta.md, as they are written there, over a published table.

delta_docs.py DOCS TABLE: DOCS is the file, TABLE the folder of the table `appointment`. Each statement has to give what plain Python counts.
Spark's own functions are known to no engine here: that statement is not run. Athena's and Trino's are, by DuckDB, over a view of the name
that the table has there.
"""

import ast
import re
import sys
from collections import Counter
from pathlib import Path

import duckdb
import duckdb_extension_delta
import polars

docs, table = Path(sys.argv[1]).read_text(), sys.argv[2]
docs = docs.replace("s3://bucket/prefix/archive/delta/appointment", table)

extension = Path(duckdb_extension_delta.__file__).parent / "extensions" / f"v{duckdb.__version__}" / "delta.duckdb_extension"
database = duckdb.connect(config={"allow_unsigned_extensions": "true"})
database.execute(f"LOAD '{extension}'")

columns = "site, consultantid, date, part, status"
rows = database.sql(f"SELECT {columns} FROM delta_scan('{table}')").fetchall()
expected = Counter(
    (site, consultant, date.replace(day=1))
    for site, consultant, date, part, status in rows
    if part >= "2024-01-01" and status != "cancelled"
)
assert len(expected) > 3, f"too few rows to tell anything: {expected}"


def block(engine, language):
    """The first block of code after the engine is named."""
    after = docs.split(f"From {engine} ", 1)[1]
    return re.search(f"```{language}\n(.*?)```", after, re.S)[1]


def by_duckdb():
    install, load, query = block("DuckDB", "sql").split(";", 2)
    assert (install, load) == ("INSTALL delta", " LOAD delta"), "the extension is there already"
    return database.sql(query).fetchall()


def by_polars():
    code = ast.parse(block("Polars", "python"))
    names, last = {}, ast.Expression(code.body.pop().value)
    exec(compile(code, "docs/delta.md", "exec"), names)
    return eval(compile(last, "docs/delta.md", "eval"), names).rows()


def by_athena():
    database.sql(f"CREATE VIEW appointment AS FROM delta_scan('{table}')")
    return database.sql(block("Athena", "sql")).fetchall()


def by_trino():
    schema, register, query = re.search(r"```sql\n(CREATE SCHEMA .*?;)\n(CALL .*?;)\n(.*?)```", docs, re.S).groups()
    assert table in register, register
    database.execute("ATTACH ':memory:' AS lake")
    database.execute(schema)
    database.execute(f"CREATE VIEW lake.meetassist.appointment AS FROM delta_scan('{table}')")
    return database.sql(query).fetchall()


for engine in (by_duckdb, by_polars, by_athena, by_trino):
    found = engine()
    months = [(site, consultant, getattr(month, "date", lambda: month)(), count) for site, consultant, month, count in found]
    assert Counter({row[:3]: row[3] for row in months}) == expected and len(months) == len(expected), f"{engine.__name__}: {months}, not {expected}"
