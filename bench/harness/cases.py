"""What is measured: one row of the table each."""
from dataclasses import dataclass, field

PEERS = ("duckdb", "polars", "datafusion")


@dataclass(frozen=True)
class Case:
    name: str
    title: str
    goal: float                     # of PROOF: CPU seconds against the best peer
    kind: str = "parquet"           # format of the answer
    columns: tuple = ()             # compared columns; empty: all
    order: str = ""                 # the rows must be in this order
    peers: tuple = PEERS
    weir_args: tuple = ()
    verb: str = "run"
    budget_mb: float = 0            # what --memory allows; the peak may be a tenth above
    runs: int = 0                   # 0: as asked for
    tolerance: float = 1e-9         # of sums of doubles and decimals
    figure: str = "cpu"             # cpu, or wall where start-up is the point
    note: str = field(default="")

    @property
    def query(self):
        """The Nexmark query, or None."""
        query = self.name.removesuffix("_late")
        return query if query[0] == "q" and query[1:].isdigit() else None


CASES = [
    Case("start", "start-up: one row, nothing else", 0.2, kind="none", figure="wall"),
    Case("plan", "planning a chain of 10,000 steps (validate)", 1.0, kind="none", figure="wall", peers=(), verb="validate"),
    Case("csv_parquet", "CSV 1.62 GB, filter, 5 columns → Parquet", 0.5),
    Case("ndjson_parquet", "NDJSON 2.28 GB → Parquet, 7 columns", 0.45),
    Case("ndjson_ndjson", "NDJSON 2.28 GB, filter, 4 columns → NDJSON", 0.45, kind="json"),
    Case("group_channel", "Parquet, group by channel (10 K groups)", 0.75),
    Case("group_auction", "Parquet, group by auction (600 K groups)", 0.6),
    Case("group_bidder_auction", "Parquet, group by bidder, auction (2.9 M groups)", 0.85),
    Case("join", "bids × auctions, 11 columns", 0.9),
    Case("sort", "sort 9.2 M bids, 7 columns, in 400 MB", 0.9, order="-price,auction,bidder,dateTime",
         peers=("duckdb", "datafusion"), weir_args=("--memory", "400MB"), budget_mb=400,
         note="Polars knows no limit, so it is not a peer here."),
    Case("words", "word count, 24 M words", 0.9),
    Case("brc", "1BRC-like, 20 M temperatures", 0.9),
    Case("tpch_q1", "TPC-H 1: wide aggregate", 0.9, tolerance=1e-5,
         note="DataFusion rounds averages of decimals to six digits."),
    Case("tpch_q3", "TPC-H 3: two joins, group, top 10", 0.9),
    Case("tpch_q5", "TPC-H 5: five joins, group", 0.9),
    Case("tpch_q6", "TPC-H 6: filter, one sum", 0.9),
    Case("tpch_q12", "TPC-H 12: join, conditional counts", 0.9),
    Case("tpch_q18", "TPC-H 18: large group, two joins, top 100", 0.9),
    Case("q0", "Nexmark 0: pass through", 0.9),
    Case("q1", "Nexmark 1: currency", 0.9),
    Case("q2", "Nexmark 2: selection", 0.9),
    Case("q3", "Nexmark 3: local item", 0.9),
    Case("q4", "Nexmark 4: average winning price per category", 0.9),
    Case("q5", "Nexmark 5: hot items, sliding windows", 0.25),
    Case("q5_late", "Nexmark 5, one row of 100 comes a minute late", 0.25),
    Case("q7", "Nexmark 7: highest bid per window", 0.9),
    Case("q8", "Nexmark 8: new users, window join", 0.9),
    Case("q9", "Nexmark 9: winning bids", 0.9, columns=("id", "price", "bidTime", "itemName", "seller", "expires"),
         note="several bids of an auction share price and time: any of them is right."),
    Case("q11", "Nexmark 11: sessions of bidders", 0.9),
    Case("q13", "Nexmark 13: lookup in a table of 10 K rows", 0.9),
    Case("q14", "Nexmark 14: calculation", 0.9),
    Case("q15", "Nexmark 15: bidding statistics, distinct counts", 0.9),
    Case("q16", "Nexmark 16: statistics per channel, distinct counts", 0.9),
    Case("q17", "Nexmark 17: auction statistics", 0.35),
    Case("q17_late", "Nexmark 17, one row of 100 comes a minute late", 0.35),
    Case("q18", "Nexmark 18: last bid per bidder and auction", 0.5, columns=("auction", "bidder", "dateTime"),
         note="several bids of a key share the last millisecond: any of them is right."),
    Case("q19", "Nexmark 19: ten highest bids per auction", 0.9, columns=("auction", "price"),
         note="which bids of equal price are among the ten is open."),
    Case("q20", "Nexmark 20: bids joined with auctions of category 10", 0.85),
    Case("q21", "Nexmark 21: channel id by regular expression", 0.9),
    Case("q22", "Nexmark 22: directories of the URL", 0.9),
    Case("q23", "Nexmark 23: three-way join", 0.9),
    Case("big_group", "CSV 5 GB, 50 M groups, in 512 MiB", 0.9, peers=("duckdb",), weir_args=("--memory", "512MiB"),
         budget_mb=537, runs=1),
    Case("big_join", "CSV 5 GB joined with 10 M rows, in 512 MiB", 0.9, peers=("duckdb",),
         weir_args=("--memory", "512MiB"), budget_mb=537, runs=1),
    Case("big_sort", "CSV 5 GB sorted, in 512 MiB", 0.9, peers=("duckdb",), weir_args=("--memory", "512MiB"),
         budget_mb=537, runs=1, order="key,id"),
]
