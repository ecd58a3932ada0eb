"""Random pipelines over random tables, each with the SQL that gives the same rows."""

import datetime
import math

from expressions import BIG, WORDS, Expressions

TABLES = {'t0': 0, 't1': 1, 't2': 40, 't3': 400, 't4': 3000}  # rows
SCHEMA = {'k': 'int', 'i': 'int', 'j': 'int', 'd': 'num', 's': 'str', 'u': 'str', 'b': 'bool', 't': 'time'}
EXTRA = {'big': 'raw int', 'odd': 'raw num'}  # extremes, NaN and infinities: only where arithmetic does not reach them
SQL_TYPES = {'int': 'BIGINT', 'num': 'DOUBLE', 'str': 'VARCHAR', 'bool': 'BOOLEAN', 'time': 'TIMESTAMPTZ'}


def random_rows(random, count):
  start = datetime.datetime(2024, 2, 27, 22, tzinfo=datetime.timezone.utc)

  def maybe(value, nulls=0.12):
    return None if random.random() < nulls else value

  for _ in range(count):
    yield (
        maybe(random.randint(-3, 12)), maybe(random.randint(-100, 100)), random.randint(0, 1000),
        maybe(random.randint(-4000, 4000) / 8), maybe(random.choice(WORDS[:8])), maybe(random.choice(WORDS)),
        maybe(random.random() < 0.5), maybe(start + datetime.timedelta(microseconds=random.randrange(4 * 86400 * 10**6))),
        maybe(random.choice([BIG * 2 - 1, -BIG * 2, BIG, -BIG, 0, 1])),
        maybe(random.choice([math.nan, math.inf, -math.inf, -0.0, 0.0, 1e308, -1e308, 5e-324])))


def make_tables(connection, random, folder):
  """Tables in DuckDB and as Parquet files of the same name below `folder`."""
  kinds = {**SCHEMA, **{n: k.split()[-1] for n, k in EXTRA.items()}}
  columns = ', '.join(f'{n} {SQL_TYPES[k]}' for n, k in kinds.items())
  for table, count in TABLES.items():
    connection.execute(f'CREATE TABLE {table} ({columns})')
    rows = list(random_rows(random, count))
    if rows:
      connection.executemany(f'INSERT INTO {table} VALUES ({", ".join("?" * len(kinds))})', rows)
    connection.execute(f"COPY {table} TO '{folder}/{table}.parquet' (FORMAT parquet, ROW_GROUP_SIZE 2048)")


class Query:
  """Steps of a pipeline and the same as nested SQL. `name` is the last step, `sql` a query over it."""

  KINDS = ['filter', 'filter', 'map', 'map', 'combine', 'combine', 'join', 'flatten', 'sort']  # a list: the odds

  def __init__(self, random, prefix):
    self.random = random
    self.prefix = prefix
    self.steps = []
    self.ctes = []
    self.order = None  # [(column, descending)] when the result is sorted
    self.scan()
    for _ in range(random.randint(1, 3)):
      kinds = [kind for kind in self.KINDS if kind != 'sort']
      getattr(self, random.choice(kinds))()
    if 'sort' in self.KINDS and random.random() < 0.25:
      self.sort()

  def add(self, kind, config, schema, sql, inputs=None):
    name = f'{self.prefix}_{len(self.steps)}'
    step = {'type': kind, 'name': name, 'input': inputs or self.name, 'config': config}
    self.steps.append(step)
    self.ctes.append(f'{name} AS ({sql})')
    self.name, self.schema = name, schema
    return name

  def scan(self):
    self.name = self.random.choice(list(TABLES))
    self.schema = {**SCHEMA, **EXTRA}
    self.steps, self.ctes = [], []

  def expressions(self):
    return Expressions(self.random, self.schema)

  def filter(self):
    weir, sql = self.expressions().make('bool', 3)
    language = self.random.choice([None, 'sql'])
    config = {'keep': weir, **({'language': language} if language else {})}
    self.add('Filter', config, self.schema, f'SELECT * FROM {self.name} WHERE {sql}')

  def map(self):
    random, make = self.random, self.expressions()
    count = random.randint(1, 3)
    fields, selects, schema = {}, [], {}
    for n in range(count):
      kind = random.choice(['int', 'num', 'str', 'bool', 'time'])
      weir, sql = make.make(kind, 2)
      name = f'f{len(self.steps)}{n}'
      fields[name] = {'expression': weir}
      selects.append(f'{sql} AS {name}')
      # Results of arithmetic may be large: arithmetic does not go on with them.
      schema[name] = kind if kind not in ('int', 'num') else 'raw ' + kind
    config = {'fields': fields}
    if random.random() < 0.5:
      config['append'] = True
      drop = [n for n in self.schema if random.random() < 0.2 and len(self.schema) > 2]
      kept = {n: k for n, k in self.schema.items() if n not in drop}
      if drop and kept:
        config['drop'] = drop
      else:
        kept = self.schema
      selects = list(kept) + selects
      schema = {**kept, **schema}
    if random.random() < 0.5:
      config['language'] = 'sql'
    self.add('MapToFields', config, schema, f'SELECT {", ".join(selects)} FROM {self.name}')

  def combine(self):
    random = self.random
    candidates = [n for n in self.schema if self.schema[n] != 'raw num']
    keys = random.sample(candidates, k=min(random.randint(0, 2), len(candidates)))
    schema, combine, selects = {n: self.schema[n] for n in keys}, {}, list(keys)
    for n in range(random.randint(1, 3)):
      column = random.choice(list(self.schema))
      kind = self.schema[column]
      base = kind.split()[-1]
      choices = ['count']
      if base != 'bool' and kind != 'raw num':
        choices += ['min', 'max']
      if base in ('int', 'num') and not kind.startswith('raw'):
        choices += ['sum', 'mean']
      function = random.choice(choices)
      name = f'a{len(self.steps)}{n}'
      combine[name] = {'value': column, 'fn': function}
      selects.append({'count': 'count(*)', 'mean': f'avg({column})', 'sum': f'CAST(sum({column}) AS {SQL_TYPES[base]})'}.get(
          function, f'{function}({column})') + f' AS {name}')
      schema[name] = {'count': 'raw int', 'mean': 'raw num'}.get(function, 'raw ' + base if base in ('int', 'num') else base)
    group = f'GROUP BY {", ".join(keys)}' if keys else 'HAVING count(*) > 0'
    self.add('Combine', {'group_by': keys, 'combine': combine}, schema,
             f'SELECT {", ".join(selects)} FROM {self.name} {group}')

  def join(self):
    random = self.random
    right = random.choice(['t1', 't2', 't3'])
    pairs = [(l, r) for l, k in self.schema.items() for r, q in SCHEMA.items()
             if k == q and k in ('int', 'str', 'bool', 'time') and r in ('k', 's', 't', 'i')]
    if not pairs:
      return
    chosen = random.sample(pairs, k=min(len(pairs), random.choice([1, 1, 2])))
    left_fields = random.sample(list(self.schema), k=min(3, len(self.schema)))
    right_fields = random.sample(list(SCHEMA), k=2)
    how = random.choice(['inner', 'left', 'right', 'outer'])
    n = len(self.steps)
    fields = {'l': {f'l{n}{i}': c for i, c in enumerate(left_fields)}, 'r': {f'r{n}{i}': c for i, c in enumerate(right_fields)}}
    selects = [f'l.{c} AS {o}' for o, c in fields['l'].items()] + [f'r.{c} AS {o}' for o, c in fields['r'].items()]
    schema = {**{o: self.schema[c] for o, c in fields['l'].items()}, **{o: SCHEMA[c] for o, c in fields['r'].items()}}
    on = ' AND '.join(f'l.{a} = r.{b}' for a, b in chosen)
    kind = {'outer': 'FULL OUTER'}.get(how, how.upper())
    config = {'type': how, 'equalities': [{'l': a, 'r': b} for a, b in chosen], 'fields': fields}
    # Joins multiply rows: an aggregate keeps what is compared small.
    self.add('Join', config, schema, f'SELECT {", ".join(selects)} FROM {self.name} l {kind} JOIN {right} r ON {on}',
             {'l': self.name, 'r': right})

  def flatten(self):
    other = self.random.choice(['t0', 't1', 't2'])
    missing = {n: k for n, k in {**SCHEMA, **EXTRA}.items() if n not in self.schema}
    clash = [n for n in self.schema if n in SCHEMA and self.schema[n] != SCHEMA[n]]
    if clash or missing:
      return
    self.add('Flatten', {}, self.schema, f'SELECT * FROM {self.name} UNION ALL BY NAME SELECT * FROM {other}',
             [self.name, other])

  def sort(self):
    random = self.random
    columns = random.sample([n for n, k in self.schema.items() if k != 'raw num'] or list(self.schema)[:1], k=1)
    rest = [n for n in self.schema if n not in columns and self.schema[n] != 'raw num' and random.random() < 0.5]
    self.order = [(n, random.random() < 0.5) for n in columns + rest]
    by = [('-' if down else '') + n for n, down in self.order]
    self.add('Sort', {'by': by}, self.schema, f'SELECT * FROM {self.name}')

  def sql(self):
    with_ = 'WITH ' + ', '.join(self.ctes) + ' ' if self.ctes else ''
    return f'{with_}SELECT * FROM {self.name}'
