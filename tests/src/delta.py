"""Reads Delta tables with DuckDB and with deltalake, and compares them with the rows that they should hold.

delta.py rows|conditions|unique FOLDER…: a folder has `tables/`, and in `expected.json` a list of {"table", "version", "rows"}; a row has each
column as canonical text, or null. `rows` reads every version that is named, and the newest without its number; `conditions` asks the
newest for each value that some row has, so that a file is missed whose statistics leave it out; `unique` reads every version there is, and
looks whether a row is there twice, by its site and the column that is named last. Prints what differs.
"""

import datetime
import decimal
import json
import sys
from pathlib import Path

import duckdb
import duckdb_extension_delta
from deltalake import DeltaTable, QueryBuilder

what, *folders = sys.argv[1:]

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


def read_versions(tables, versions):
    newest = {}
    for one in versions:
        newest[one["table"]] = max(newest.get(one["table"], 0), one["version"])
    for one in versions:
        table, version, rows = one["table"], one["version"], one["rows"]
        for at in [version] + ([None] if newest[table] == version else []):
            for reader in (by_duckdb, by_deltalake):
                name = f"{tables}/{table} {version} by {reader.__name__}"
                columns, found = reader(f"{tables}/{table}", at)
                unknown = {column for row in rows for column in row} - set(columns)
                if unknown:
                    yield [f"{name} lacks {unknown}"]
                yield compare(name, columns, found, rows)


def ask(tables, versions):
    newest = {one["table"]: one["rows"] for one in sorted(versions, key=lambda one: one["version"])}
    for table, rows in newest.items():
        path = f"{tables}/{table}"
        types = database.sql(f"DESCRIBE SELECT * FROM delta_scan('{path}')").fetchall()
        builder = QueryBuilder().register("t", DeltaTable(path))
        readers = {
            "DuckDB": lambda sql: database.sql(sql.format(f"delta_scan('{path}')")).fetchone()[0],
            "deltalake": lambda sql: builder.execute(sql.format("t")).read_all().column(0)[0].as_py(),
        }
        for column, type, *_ in types:
            texts = [row.get(column) for row in rows]
            quoted = {text: "'" + text.replace("'", "''") + "'" for text in texts if text is not None}
            conditions = {f"= CAST({literal} AS {type})": texts.count(text) for text, literal in quoted.items()}
            conditions["IS NULL"] = texts.count(None)
            conditions["IS NOT NULL"] = len(texts) - texts.count(None)
            for condition, count in conditions.items():
                for name, read in readers.items():
                    # Doubled braces: a text may have some.
                    sql = 'SELECT count(*) FROM {} WHERE "' + column + '" ' + condition.replace("{", "{{").replace("}", "}}")
                    found = read(sql)
                    yield [f"{table}.{column} {condition[:60]}: {found} rows, not {count}, by {name}"] if found != count else []


def count_keys(table, key):
    for version in range(DeltaTable(table).version() + 1):
        columns, rows = by_deltalake(table, version)
        at = columns.index("site"), columns.index(key)
        twice = len(rows) - len({tuple(row[column] for column in at) for row in rows})
        yield [f"{table} {version}: {twice} rows are there twice"] if twice else []


differences, looks = [], 0
if what == "unique":
    found = list(count_keys(*folders))
    differences, looks, folders = sum(found, []), len(found), []
for folder in folders:
    expected = json.loads((Path(folder) / "expected.json").read_text())
    for difference in {"rows": read_versions, "conditions": ask}[what](f"{folder}/tables", expected):
        differences += difference
        looks += 1
print("\n".join(differences[:20]))
print(f"{looks} looks, {len(differences)} differences")
sys.exit(1 if differences or not looks else 0)
