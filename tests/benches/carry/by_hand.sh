# by_hand.sh URL SITE PART: puts a partition of appointments in the place of its rows, as the newest commit has it.
commit=$(ls "$2/log" | tail -1)
change=$(grep -o "\"table\":\"appointment\",\"part\":\"$3\"[^}]*" "$2/log/$commit")
md5=$(grep -o '"md5":"[0-9a-f]*"' <<<"$change" | cut -d'"' -f4)
rows=$(mktemp)
trap 'rm "$rows"' EXIT
zstd -dcq "$2/data/appointment/$3/$md5.csv.zst" >"$rows"
md5sum --quiet --check <<<"$md5  $rows"
columns=$(head -1 "$rows")
psql --quiet --set ON_ERROR_STOP=1 "$1" <<END
SET causeway.loader = on;
CREATE TEMP TABLE stage AS SELECT $columns FROM hcm_01.appointment WITH NO DATA;
\copy stage ($columns) FROM '$rows' (FORMAT csv, HEADER)
BEGIN;
LOCK TABLE hcm_01.appointment IN SHARE ROW EXCLUSIVE MODE;
DELETE FROM hcm_01.appointment WHERE causeway_part = '$3';
INSERT INTO hcm_01.appointment ($columns, causeway_part) SELECT $columns, '$3' FROM stage;
COMMIT;
END
