"""DuckDB: python duckdb_peer.py CASE DATA_FOLDER OUT. One SQL statement a case, copied straight to the output file."""
import sys

import duckdb
import sql

BIDS = "{'auction':'BIGINT','bidder':'BIGINT','price':'BIGINT','channel':'VARCHAR','url':'VARCHAR','dateTime':'BIGINT','extra':'VARCHAR'}"


def tables(data):
    names = {t: f"read_parquet('{data}/nexmark/{t}.parquet')" for t in ("bid", "bid_late", "auction", "person")}
    names |= {t: f"read_parquet('{data}/tpch/{t}.parquet') {t}"
              for t in ("customer", "orders", "lineitem", "supplier", "nation", "region")}
    # The schema is given and the quoting is known, so no file is sniffed.
    names["bid_csv"] = f"read_csv('{data}/nexmark/bid.csv', header=true, columns={BIDS}, delim=',', quote='\"', escape='\"')"
    names["bid_ndjson"] = f"read_json('{data}/nexmark/bid.ndjson', format='newline_delimited', columns={BIDS})"
    names["stations"] = (f"read_csv('{data}/stations.csv', header=false, delim=';', "
                         "columns={'station':'VARCHAR','temperature':'DOUBLE'})")
    names["big"] = (f"read_csv('{data}/big.csv', header=true, columns={{'id':'BIGINT','key':'BIGINT','amount':'BIGINT',"
                    "'kind':'VARCHAR','note':'VARCHAR'})")
    names["keys"] = f"read_csv('{data}/keys.csv', header=true, columns={{'key':'BIGINT','label':'VARCHAR'}})"
    names["words"] = f"read_csv('{data}/words.txt', header=false, delim='\\x01', quote='', escape='', columns={{'line':'VARCHAR'}})"
    names["side"] = f"read_csv('{data}/nexmark/side_input.csv', header=true, columns={{'key':'BIGINT','value':'BIGINT'}})"
    names["us"], names["b_us"], names["split"] = "epoch_us(dateTime)", "epoch_us(b.dateTime)", "split_part"
    names["hour"], names["minute"] = "hour(dateTime)", "strftime(max(dateTime), '%H:%M')"
    names["channel_id"] = "nullif(regexp_extract(url, '(&|^)channel_id=([^&]*)', 2), '')"
    return names


def query(case, data):
    queries = sql.NEXMARK | sql.FILES | sql.TPCH
    queries["words"] = "select word, count(*) as n from (select unnest(string_split(line, ' ')) as word from {words}) group by word"
    # The latest row of each key by a hash aggregate: faster here than a window function.
    queries["q18"] = """select unnest(latest) from (select arg_max(b, dateTime) as latest from {bid} b group by bidder, auction)"""
    return queries[case].format(**tables(data))


def main(case, data, out):
    if case == "start":
        duckdb.connect().execute("select 1").fetchall()
        return
    con = duckdb.connect(config={"threads": 2, "preserve_insertion_order": False})
    con.execute("set enable_progress_bar=false; set timezone='UTC'")
    if case == "sort" or case.startswith("big"):
        limit = "400MB" if case == "sort" else "512MiB"
        con.execute(f"set memory_limit='{limit}'; set temp_directory='{out}.spill'")
    if case == "ndjson_ndjson":
        con.execute(f"copy ({query(case, data)}) to '{out}' (format json)")
    else:
        con.execute(f"copy ({query(case, data)}) to '{out}' (format parquet, compression zstd, compression_level 1)")


if __name__ == "__main__":
    main(*sys.argv[1:])
