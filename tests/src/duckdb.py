"""Prints the rows of a published table as JSON, without the partition's column."""

import json
import sys

import duckdb

files = sys.argv[1] + "/*/*.csv"
relation = duckdb.sql(
    f"""
    SELECT * FROM read_csv(
        '{files}', hive_partitioning = true, all_varchar = true, header = true, delim = ',', quote = '"',
        escape = '"', nullstr = '', allow_quoted_nulls = false)
    """
)
columns = [column for column in relation.columns if column not in ("dt", "b")]
rows = relation.project(", ".join(f'"{column}"' for column in columns)).fetchall()
json.dump(rows, sys.stdout)
