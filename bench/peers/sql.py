"""The cases as SQL, for the engines that speak it. Text that differs by engine comes in as {placeholders}:
bid, auction, person, … are table expressions, us and b_us the event time in µs, split the function that takes the nth
part of a text, minute the hour and minute of the latest time, channel_id what the URL says of the channel."""

BY_PRICE = (("rank1", "price < 10000"), ("rank2", "price >= 10000 and price < 1000000"), ("rank3", "price >= 1000000"))


def statistics():
    """Of queries 15 and 16: bids, and how many different bidders and auctions, in all and by range of price."""
    parts = ["count(*) as total_bids"] + [f"count(case when {test} then 1 end) as {name}_bids" for name, test in BY_PRICE]
    for who in ("bidder", "auction"):
        parts.append(f"count(distinct {who}) as total_{who}s")
        parts += [f"count(distinct case when {test} then {who} end) as {name}_{who}s" for name, test in BY_PRICE]
    return ", ".join(parts)


WINNING = """from {bid} b join {auction} a on b.auction = a.id where b.dateTime between a.dateTime and a.expires"""
DAY = "{us} // 86400000000 * 86400000000 as day"

NEXMARK = {
    "q0": "select auction, bidder, price, dateTime, extra from {bid}",
    "q1": "select auction, bidder, 0.908 * cast(price as double) as price, dateTime, extra from {bid}",
    "q2": "select auction, price from {bid} where auction % 123 = 0",
    "q3": """select p.name, p.city, p.state, a.id from {auction} a join {person} p on a.seller = p.id
             where a.category = 10 and p.state in ('OR', 'ID', 'CA')""",
    "q4": f"""select category, avg(final) as avg_price
             from (select a.id, a.category, max(b.price) as final {WINNING} group by 1, 2) t group by category""",
    # Counts of 2 s slices first, then five slices to a window: what a careful author of SQL would write.
    "q5": """with slices as (select auction, {us} // 2000000 as slice, count(*) as n from {bid} group by 1, 2),
             shifts as (select * from (values (0), (1), (2), (3), (4)) as t(shift)),
             windows as (select slice - shift as w, auction, cast(sum(n) as bigint) as num from slices cross join shifts group by 1, 2),
             best as (select w, max(num) as most from windows group by w)
             select windows.auction, windows.num, windows.w * 2000000 as window_start
             from windows join best on windows.w = best.w and windows.num = best.most""",
    "q7": """with best as (select {us} // 10000000 as w, max(price) as most from {bid} group by 1)
             select b.auction, b.price, b.bidder, b.dateTime, b.extra
             from {bid} b join best on {b_us} // 10000000 = best.w and b.price = best.most""",
    "q8": """with p as (select distinct id, name, {us} // 10000000 as w from {person}),
             a as (select distinct seller, {us} // 10000000 as w from {auction})
             select p.id, p.name, p.w * 10000000 as window_start from p join a on p.id = a.seller and p.w = a.w""",
    "q9": f"""select * from (select b.price, b.bidder, b.dateTime as "bidTime", a.id, a."itemName", a.category, a.seller,
             a."initialBid", a.reserve, a.dateTime, a.expires,
             row_number() over (partition by a.id order by b.price desc, b.dateTime) as n {WINNING}) t where n = 1""",
    "q11": """with gaps as (select bidder, {us} as t, case when {us} - lag({us}) over (partition by bidder order by {us}) < 10000000
             then 0 else 1 end as starts from {bid}),
             numbered as (select bidder, t, sum(starts) over (partition by bidder order by t rows unbounded preceding) as s from gaps)
             select bidder, count(*) as bid_count, min(t) as window_start, max(t) + 10000000 as window_end
             from numbered group by bidder, s""",
    "q13": """select b.auction, b.bidder, b.price, b.dateTime, s.value from {bid} b join {side} s on b.auction % 10000 = s.key""",
    "q14": """select auction, bidder, 0.908 * cast(price as double) as price,
              case when {hour} between 8 and 18 then 'dayTime' when {hour} <= 6 or {hour} >= 20 then 'nightTime'
              else 'otherTime' end as "bidTimeType", dateTime, extra, length(extra) - length(replace(extra, 'c', '')) as c_counts
              from {bid} where 0.908 * price > 1000000 and 0.908 * price < 50000000""",
    "q15": f"select {DAY}, {statistics()} from {{bid}} group by 1",
    "q16": f"select channel, {DAY}, {{minute}} as minute, {statistics()} from {{bid}} group by 1, 2",
    "q17": """select auction, {us} // 86400000000 * 86400000000 as day, count(*) as total_bids,
              count(case when price < 10000 then 1 end) as rank1_bids,
              count(case when price >= 10000 and price < 1000000 then 1 end) as rank2_bids,
              count(case when price >= 1000000 then 1 end) as rank3_bids,
              min(price) as min_price, max(price) as max_price, avg(price) as avg_price, cast(sum(price) as bigint) as sum_price
              from {bid} group by 1, 2""",
    "q18": """select auction, bidder, price, channel, url, dateTime, extra from (
              select *, row_number() over (partition by bidder, auction order by dateTime desc) as n from {bid}) t
              where n = 1""",
    "q20": """select b.auction, b.bidder, b.price, b.channel, b.url, b.dateTime, b.extra, a.itemName, a.description,
              a.initialBid, a.reserve, a.dateTime as auctionDateTime, a.expires, a.seller, a.category,
              a.extra as auctionExtra
              from {bid} b join {auction} a on b.auction = a.id where a.category = 10""",
    "q19": """select * from (select *, row_number() over (partition by auction order by price desc) as n from {bid}) t
              where n <= 10""",
    "q21": """select * from (select auction, bidder, price, channel, case lower(channel) when 'apple' then '0' when 'google' then '1'
              when 'facebook' then '2' when 'baidu' then '3' else {channel_id} end as channel_id from {bid}) t
              where channel_id is not null""",
    "q22": """select auction, bidder, price, channel, {split}(url, '/', 4) as dir1, {split}(url, '/', 5) as dir2,
              {split}(url, '/', 6) as dir3 from {bid}""",
    "q23": """select b.auction, b.bidder, b.price, b.dateTime, p.name, p.city, p.state, a.id as sold, a."itemName", a.category
              from {bid} b join {person} p on b.bidder = p.id join {auction} a on a.seller = p.id""",
}
# The same rows in another order.
NEXMARK |= {f"{query}_late": NEXMARK[query].replace("{bid}", "{bid_late}") for query in ("q5", "q17")}
FILES = {
    "csv_parquet": "select auction, bidder, price, channel, dateTime from {bid_csv} where price > 10000000",
    "ndjson_parquet": "select auction, bidder, price, channel, url, dateTime, extra from {bid_ndjson}",
    "ndjson_ndjson": "select auction, price, channel, extra from {bid_ndjson} where price > 1000000",
    "group_channel": "select channel, count(*) as n, cast(sum(price) as bigint) as total from {bid} group by channel",
    "group_auction": "select auction, count(*) as n, cast(sum(price) as bigint) as total, max(price) as most from {bid} group by auction",
    "group_bidder_auction": "select bidder, auction, count(*) as n, cast(sum(price) as bigint) as total from {bid} group by 1, 2",
    "join": """select b.auction, b.bidder, b.price, b.channel, b.url, b.dateTime, b.extra, a.itemName, a.seller,
               a.category, a.expires from {bid} b join {auction} a on b.auction = a.id""",
    "sort": "select * from {bid} order by price desc, auction, bidder, dateTime",
    "big_group": "select key, count(*) as n, cast(sum(amount) as bigint) as total, max(id) as last from {big} group by key",
    "big_join": "select b.id, b.key, b.amount, k.label from {big} b join {keys} k on b.key = k.key",
    "big_sort": "select * from {big} order by key, id",
    "brc": """select station, min(temperature) as low, avg(temperature) as mean, max(temperature) as high
              from {stations} group by station""",
}

TPCH = {
    "tpch_q1": """select l_returnflag, l_linestatus, sum(l_quantity) as sum_qty, sum(l_extendedprice) as sum_base_price,
        sum(l_extendedprice * (1 - l_discount)) as sum_disc_price,
        sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) as sum_charge, avg(l_quantity) as avg_qty,
        avg(l_extendedprice) as avg_price, avg(l_discount) as avg_disc, count(*) as count_order
        from {lineitem} where l_shipdate <= date '1998-09-02' group by 1, 2 order by 1, 2""",
    "tpch_q3": """select l_orderkey, sum(l_extendedprice * (1 - l_discount)) as revenue, o_orderdate, o_shippriority
        from {customer}, {orders}, {lineitem}
        where c_mktsegment = 'BUILDING' and c_custkey = o_custkey and l_orderkey = o_orderkey
        and o_orderdate < date '1995-03-15' and l_shipdate > date '1995-03-15'
        group by l_orderkey, o_orderdate, o_shippriority order by revenue desc, o_orderdate limit 10""",
    "tpch_q5": """select n_name, sum(l_extendedprice * (1 - l_discount)) as revenue
        from {customer}, {orders}, {lineitem}, {supplier}, {nation}, {region}
        where c_custkey = o_custkey and l_orderkey = o_orderkey and l_suppkey = s_suppkey and c_nationkey = s_nationkey
        and s_nationkey = n_nationkey and n_regionkey = r_regionkey and r_name = 'ASIA'
        and o_orderdate >= date '1994-01-01' and o_orderdate < date '1995-01-01' group by n_name order by revenue desc""",
    "tpch_q6": """select sum(l_extendedprice * l_discount) as revenue from {lineitem}
        where l_shipdate >= date '1994-01-01' and l_shipdate < date '1995-01-01'
        and l_discount between 0.05 and 0.07 and l_quantity < 24""",
    "tpch_q12": """select l_shipmode,
        cast(sum(case when o_orderpriority = '1-URGENT' or o_orderpriority = '2-HIGH' then 1 else 0 end) as bigint) as high_line_count,
        cast(sum(case when o_orderpriority <> '1-URGENT' and o_orderpriority <> '2-HIGH' then 1 else 0 end) as bigint) as low_line_count
        from {orders}, {lineitem} where o_orderkey = l_orderkey and l_shipmode in ('MAIL', 'SHIP')
        and l_commitdate < l_receiptdate and l_shipdate < l_commitdate and l_receiptdate >= date '1994-01-01'
        and l_receiptdate < date '1995-01-01' group by l_shipmode order by l_shipmode""",
    "tpch_q18": """select c_name, c_custkey, o_orderkey, o_orderdate, o_totalprice, sum(l_quantity) as quantity
        from {customer}, {orders}, {lineitem}
        where o_orderkey in (select l_orderkey from {lineitem} group by l_orderkey having sum(l_quantity) > 300)
        and c_custkey = o_custkey and o_orderkey = l_orderkey
        group by c_name, c_custkey, o_orderkey, o_orderdate, o_totalprice
        order by o_totalprice desc, o_orderdate limit 100""",
}
