"""DataFusion: python datafusion_peer.py CASE DATA_FOLDER OUT. The same SQL as DuckDB, on two target partitions."""
import sys

import pyarrow as pa
import sql
from datafusion import RuntimeEnvBuilder, SessionConfig, SessionContext

BIDS = pa.schema([("auction", pa.int64()), ("bidder", pa.int64()), ("price", pa.int64()), ("channel", pa.string()),
                  ("url", pa.string()), ("dateTime", pa.int64()), ("extra", pa.string())])


def context(case):
    config = SessionConfig().with_target_partitions(2)
    config = config.set("datafusion.sql_parser.enable_ident_normalization", "false")
    config = config.set("datafusion.execution.parquet.pushdown_filters", "true")
    runtime = RuntimeEnvBuilder()
    if case == "sort":
        # With its default of 10 MB a partition keeps too much aside for merging to sort in this limit at all.
        config = config.set("datafusion.execution.sort_spill_reservation_bytes", "2000000").with_batch_size(2048)
        runtime = runtime.with_disk_manager_os().with_fair_spill_pool(400 * 1000 * 1000)
    return SessionContext(config, runtime)


def main(case, data, out):
    if case == "start":
        SessionContext().sql("select 1").collect()
        return
    ctx = context(case)
    late = ("bid_late",) if case.endswith("_late") else ()
    for table in ("bid", "auction", "person", *late):
        ctx.register_parquet(table, f"{data}/nexmark/{table}.parquet")
    for table in ("customer", "orders", "lineitem", "supplier", "nation", "region"):
        ctx.register_parquet(table, f"{data}/tpch/{table}.parquet")
    if case == "csv_parquet":
        ctx.register_csv("bid_csv", f"{data}/nexmark/bid.csv", schema=BIDS)
    if case == "q13":
        ctx.register_csv("side", f"{data}/nexmark/side_input.csv",
                         schema=pa.schema([("key", pa.int64()), ("value", pa.int64())]))
    if case.startswith("ndjson"):
        ctx.register_json("bid_ndjson", f"{data}/nexmark/bid.ndjson", schema=BIDS, file_extension=".ndjson")
    if case == "brc":
        ctx.register_csv("stations", f"{data}/stations.csv", has_header=False, delimiter=";",
                         schema=pa.schema([("station", pa.string()), ("temperature", pa.float64())]))
    if case == "words":
        ctx.register_csv("words", f"{data}/words.txt", has_header=False, delimiter="\x01", file_extension=".txt",
                         schema=pa.schema([("line", pa.string())]))
    names = {name: name for name in ("bid", "bid_late", "auction", "person", "bid_csv", "bid_ndjson", "stations", "words",
                                     "customer", "orders", "lineitem", "supplier", "nation", "region")}
    names |= {"us": "arrow_cast(dateTime, 'Int64')", "b_us": "arrow_cast(b.dateTime, 'Int64')", "split": "split_part"}
    names |= {"big": "big", "keys": "keys", "side": "side", "hour": "date_part('hour', dateTime)",
              "minute": "to_char(max(dateTime), '%H:%M')",
              "channel_id": "(regexp_match(url, '(&|^)channel_id=([^&]*)'))[2]"}
    queries = sql.NEXMARK | sql.FILES | sql.TPCH
    queries["words"] = "select word, count(*) as n from (select unnest(string_to_array(line, ' ')) as word from {words}) group by word"
    query = queries[case].format(**names).replace("//", "/")
    if case == "ndjson_ndjson":
        ctx.sql(f"copy ({query}) to '{out}' stored as json").collect()
    else:
        ctx.sql(f"copy ({query}) to '{out}' stored as parquet options ('format.compression' 'zstd(1)')").collect()


main(*sys.argv[1:])
