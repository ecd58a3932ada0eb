"""python late.py FOLDER OUT_FOLDER: bid_late.parquet has the rows of bid.parquet, but one of 100 comes 552,000 rows later: a minute of event
time. A tenth of that in a file of a tenth of the size, so that rows come late there too."""
import sys

import duckdb
import pyarrow.parquet

folder, out = sys.argv[1:]
source = f"read_parquet('{folder}/bid.parquet', file_row_number = true)"
con = duckdb.connect(config={"threads": 2})
con.execute("set timezone='UTC'")
rows = con.execute(f"select count(*) from {source}").fetchall()[0][0]
delay = min(552_000, rows // 17)
# 61 shares no factor with 100: the rows that are late are spread evenly.
order = f"file_row_number + case when file_row_number * 61 % 100 = 0 then {delay} else 0 end"
batches = con.sql(f"select * exclude file_row_number from {source} order by {order}, file_row_number").to_arrow_reader(1 << 17)
schema = pyarrow.parquet.read_schema(f"{folder}/bid.parquet")
table = batches.read_all().cast(schema)
pyarrow.parquet.write_table(table, f"{out}/bid_late.parquet", compression="zstd", compression_level=3, row_group_size=rows // 25 + 1)
