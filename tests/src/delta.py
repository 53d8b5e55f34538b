"""Reads versions of Delta tables with DuckDB and with deltalake, and compares them with the rows that they should hold.

delta.py FOLDER EXPECTED [newest]: EXPECTED is a JSON list of {"table", "version", "rows"}; a row has each column as canonical
text, or null. With `newest` only the newest version of each table is read. Prints what differs.
"""

import datetime
import decimal
import json
import sys
from pathlib import Path

import duckdb
import duckdb_extension_delta
from deltalake import DeltaTable, QueryBuilder

folder, expected, *which = sys.argv[1:]

extension = Path(duckdb_extension_delta.__file__).parent / "extensions" / f"v{duckdb.__version__}" / "delta.duckdb_extension"
database = duckdb.connect(config={"allow_unsigned_extensions": "true"})
database.execute(f"LOAD '{extension}'")


def by_duckdb(table, version):
    at = "" if version is None else f", version = {version}"
    relation = database.sql(f"SELECT * FROM delta_scan('{table}'{at})")
    return relation.columns, relation.fetchall()


def by_deltalake(table, version):
    query = QueryBuilder().register("t", DeltaTable(table, version=version)).execute("SELECT * FROM t")
    rows = query.read_all()
    columns = [rows.column(at).to_pylist() for at in range(rows.num_columns)]
    return rows.column_names, list(zip(*columns))


def is_same(found, text):
    match found:
        case None:
            return text is None
        case _ if text is None:
            return False
        case bool():
            return text == str(found).lower()
        case int() | str():
            return text == str(found)
        case float():
            return float(text) == found
        case decimal.Decimal():
            return decimal.Decimal(text) == found
        case datetime.datetime():
            return found.tzinfo is None and datetime.datetime.fromisoformat(text) == found
        case datetime.date():
            return text == found.isoformat()
    raise TypeError(f"{found!r} is of no type that a table has")


def compare(name, columns, found, rows):
    """By the columns whose values are shown as they are, which hold every key."""
    keys = [at for at, column in enumerate(columns) if any(isinstance(row[at], (int, str)) for row in found)]
    keys = [at for at in keys if not any(isinstance(row[at], bool) for row in found)]
    rows = [[row.get(column) for column in columns] for row in rows]
    order = lambda row: [str(row[at] if row[at] is not None else "") for at in keys]
    found, rows = sorted(found, key=order), sorted(rows, key=order)
    if len(found) != len(rows):
        return [f"{name}: {len(found)} rows, not {len(rows)}"]
    pairs = zip(found, rows)
    return [f"{name}: {f} is not {r}" for f, r in pairs if not all(map(is_same, f, r))]


newest = {}
versions = json.loads(Path(expected).read_text())
for one in versions:
    newest[one["table"]] = max(newest.get(one["table"], 0), one["version"])
differences, read = [], 0
for one in versions:
    table, version, rows = one["table"], one["version"], one["rows"]
    is_newest = newest[table] == version
    asked = ([] if which else [version]) + ([None] if is_newest else [])
    for at in asked:
        for reader in (by_duckdb, by_deltalake):
            columns, found = reader(f"{folder}/{table}", at)
            unknown = {column for row in rows for column in row} - set(columns)
            assert not unknown, f"{table} {version} lacks {unknown}"
            name = f"{table} {version} by {reader.__name__}"
            differences += compare(name, columns, found, rows)
            read += 1
print("\n".join(differences[:20]))
print(f"{read} versions read, {len(differences)} rows differ")
sys.exit(1 if differences or not read else 0)
