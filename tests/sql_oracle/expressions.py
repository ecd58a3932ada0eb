"""Random typed expressions, each as text of Weir's language and as the DuckDB SQL that means the same.

Where the two languages differ on purpose the SQL spells out Weir's meaning: `%` and `//` floor, comparisons with NaN follow
IEEE 754 in Weir, and `/` is true division in both."""

COMPARE = ['=', '<>', '<', '<=', '>', '>=']
WORDS = ['', 'a', 'b', 'ab', 'Ab', 'zoo', 'été', '日本', 'naïve ☃', "it's", 'a,b', ' x ', '\t', 'ß', '😀']
BIG = 2**62


def quoted(text):
  return "'" + text.replace("'", "''") + "'"


class Expressions:
  """Makes expressions over `schema` (name → type); types: int, num, str, bool, time."""

  def __init__(self, random, schema):
    self.random = random
    self.schema = schema

  def column(self, kind):
    """A column of this type, or None."""
    names = [n for n, t in self.schema.items() if t == kind]
    return self.random.choice(names) if names else None

  def make(self, kind, depth=2):
    """(weir text, sql text)."""
    if depth > 0 and self.random.random() < 0.75:
      made = getattr(self, '_' + kind)(depth - 1)
      if made is not None:
        return made
    name = self.column(kind)
    if name is not None and self.random.random() < 0.7:
      return name, name
    return self.literal(kind)

  def literal(self, kind):
    random = self.random
    if kind == 'int':
      n = random.choice([0, 1, 2, 3, 7, 10, 100, -1, -5])
      return (str(n), str(n)) if n >= 0 else (f'({n})', f'({n})')
    if kind == 'num':
      x = random.choice(['0.5', '1.25', '2.0', '100.0', '0.1'])
      return x, f'{x}::DOUBLE'
    if kind == 'str':
      # A line break or a tab inside a YAML scalar is a matter of YAML, not of expressions.
      word = quoted(random.choice([w for w in WORDS if w != '\t']))
      return word, word
    if kind == 'bool':
      word = random.choice(['true', 'false'])
      return word, word
    return "timestamp '2024-02-29T12:00:00Z'", "TIMESTAMPTZ '2024-02-29 12:00:00+00'"

  def _int(self, depth):
    random = self.random
    pick = random.randrange(9)
    a = self.make('int', depth)
    if pick <= 1:
      b = self.make('int', depth)
      op = random.choice(['+', '-', '*'])
      # Bounded: products of sums of small columns stay far below 2^63.
      return f'({a[0]} {op} {b[0]})', f'({a[1]} {op} {b[1]})'
    if pick == 2:
      n = random.choice([2, 3, 7, -3])
      return f'({a[0]} % {n})', f'((({a[1]} % {n}) + {n}) % {n})'
    if pick == 3:
      n = random.choice([2, 3, 7, -3])
      return f'({a[0]} // {n})', f'CAST(floor({a[1]}::DOUBLE / {n}) AS BIGINT)'
    if pick == 4:
      s = self.make('str', depth)
      return f'length({s[0]})', f'length({s[1]})'
    if pick == 5:
      return f'abs({a[0]})', f'abs({a[1]})'
    if pick == 6:
      return self._coalesce('int', depth)
    if pick == 7:
      return self._case('int', depth)
    t = self.column('time')
    if t is None:
      return None
    part = random.choice(['year', 'month', 'day', 'hour', 'minute'])
    return f'{part}({t})', f'{part}({t} AT TIME ZONE \'UTC\')'

  def _num(self, depth):
    random = self.random
    pick = random.randrange(5)
    a = self.make('num', depth)
    if pick == 0:
      b = self.make(random.choice(['num', 'int']), depth)
      op = random.choice(['+', '-', '*'])
      return f'({a[0]} {op} {b[0]})', f'({a[1]} {op} {b[1]})'
    if pick == 1:
      n = random.choice(['2', '4', '0.5', '-8'])
      b = self.make('int', depth)
      return f'({b[0]} / {n})', f'({b[1]}::DOUBLE / {n})'
    if pick == 2:
      return f'abs({a[0]})', f'abs({a[1]})'
    if pick == 3:
      return self._coalesce('num', depth)
    return self._case('num', depth)

  def _str(self, depth):
    random = self.random
    pick = random.randrange(7)
    a = self.make('str', depth)
    if pick == 0:
      b = self.make('str', depth)
      return f'({a[0]} || {b[0]})', f'({a[1]} || {b[1]})'
    if pick == 1:
      function = random.choice(['upper', 'lower', 'trim', 'reverse'])
      if function in ('upper', 'lower'):  # beyond ASCII, case is a matter of Unicode tables
        column = self.column('int')
        if column is None:
          return None
        return f'{function}(cast({column} as string))', f'{function}(CAST({column} AS VARCHAR))'
      if function == 'trim':  # all white space in Weir, blanks in DuckDB
        return f'trim({a[0]})', f"trim({a[1]}, ' ' || chr(9))"
      return f'{function}({a[0]})', f'{function}({a[1]})'
    if pick == 2:
      start, length = random.randint(1, 3), random.randint(0, 3)
      return f'substr({a[0]}, {start}, {length})', f'substr({a[1]}, {start}, {length})'
    if pick == 3:
      return f"replace({a[0]}, 'a', 'ö')", f"replace({a[1]}, 'a', 'ö')"
    if pick == 4:
      i = self.make('int', depth)
      return f'cast({i[0]} as string)', f'CAST({i[1]} AS VARCHAR)'
    if pick == 5:
      return self._coalesce('str', depth)
    return self._case('str', depth)

  def _bool(self, depth):
    random = self.random
    pick = random.randrange(10)
    if pick <= 3:
      kind = random.choice(['int', 'int', 'num', 'str', 'time'])
      a, b = self.make(kind, depth), self.make(kind, depth)
      op = random.choice(COMPARE)
      return f'({a[0]} {op} {b[0]})', f'({a[1]} {op} {b[1]})'
    if pick == 4:
      a, b = self.make('bool', depth), self.make('bool', depth)
      op = random.choice(['and', 'or'])
      return f'({a[0]} {op} {b[0]})', f'({a[1]} {op} {b[1]})'
    if pick == 5:
      a = self.make('bool', depth)
      return f'(not {a[0]})', f'(NOT {a[1]})'
    if pick == 6:
      kind = random.choice(['int', 'str', 'num', 'bool'])
      a = self.make(kind, depth)
      word = random.choice(['is null', 'is not null'])
      return f'({a[0]} {word})', f'({a[1]} {word})'
    if pick == 7:
      a = self.make('int', depth)
      low, high = random.randint(-5, 3), random.randint(0, 9)
      return f'({a[0]} between ({low}) and {high})', f'({a[1]} between ({low}) and {high})'
    if pick == 8:
      kind = random.choice(['int', 'str'])
      a = self.make(kind, depth)
      items = ', '.join(self.literal(kind)[0] for _ in range(random.randint(1, 4)))
      word = random.choice(['in', 'not in'])
      return f'({a[0]} {word} ({items}))', f'({a[1]} {word} ({items}))'
    a = self.make('str', depth)
    pattern = quoted(random.choice(['a%', '%b', '%o%', '_', '__', 'é%', '%', '']))
    word = random.choice(['like', 'not like'])
    return f'({a[0]} {word} {pattern})', f'({a[1]} {word} {pattern})'

  def _time(self, depth):
    return self._coalesce('time', depth) if self.random.random() < 0.5 else self._case('time', depth)

  def _coalesce(self, kind, depth):
    a, b = self.make(kind, depth), self.make(kind, depth)
    return f'coalesce({a[0]}, {b[0]})', f'coalesce({a[1]}, {b[1]})'

  def _case(self, kind, depth):
    c, a, b = self.make('bool', depth), self.make(kind, depth), self.make(kind, depth)
    if self.random.random() < 0.3:
      return f'(case when {c[0]} then {a[0]} end)', f'(CASE WHEN {c[1]} THEN {a[1]} END)'
    return f'(case when {c[0]} then {a[0]} else {b[0]} end)', f'(CASE WHEN {c[1]} THEN {a[1]} ELSE {b[1]} END)'
