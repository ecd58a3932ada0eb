"""Random histories of rows that come and go, and what each step must have given when all of a history has come.

A history is a list of (weight, row); a cut of it is a history of its own, under a number `h` that every step has among
its keys, so that one run judges thousands. Rows are taken back that came, that did not come yet, and now and then some
that never came.
"""

import collections
import random as random_module

FIELDS = ('h', 'k', 'v', 'x', 's', 't')


def history(random, h, valid):
  """Changes of one history: (weight, k, v, x, s, t). `valid`: at the end nothing is there less than no times."""
  values = [(random.choice('abc'), random.choice((None, -2, -1, 0, 1, 2, 5)), random.choice('pqr'),
             random.randint(0, 40)) for _ in range(random.randint(1, 6))]
  changes, there = [], collections.Counter()
  for _ in range(random.randint(1, 14)):
    row = random.choice(values)
    weight = random.choice((1, 1, 1, 2, 3))
    if random.random() < 0.45:
      weight = -random.randint(1, max(there[row], 1) if valid else 2)
    there[row] += weight
    changes.append((weight, row))
  if valid:
    changes += [(-count, row) for row, count in there.items() if count < 0]
  if random.random() < 0.5:
    random.shuffle(changes)
  out = []
  for weight, (k, v, s, t) in changes:
    out.append((weight, {'h': h, 'k': k, 'v': v, 'x': None if v is None else v / 4, 's': s, 't': t}))
  return out


def histories(seed, first, count):
  """{h: changes}, and {h: changes} of a second input to join with. A third of them are cuts of the one before."""
  random = random_module.Random(f'{seed} {first}')
  left, right = {}, {}
  for h in range(first, first + count):
    if h % 3 == 2:
      cut = random.randint(1, len(left[h - 1]))
      left[h] = [(weight, dict(row, h=h)) for weight, row in left[h - 1][:cut]]
    else:
      left[h] = history(random, h, random.random() < 0.8)
    right[h] = history(random, h, True)
  return left, right


def interleaved(random, changes):
  """All changes; those of one history stay in order."""
  places = [h for h, of_h in changes.items() for _ in of_h]
  random.shuffle(places)
  rest = {h: iter(of_h) for h, of_h in changes.items()}
  return [next(rest[h]) for h in places]


def consolidate(changes):
  """{row as a tuple of FIELDS: weight}, without zeros."""
  out = collections.Counter()
  for weight, row in changes:
    out[tuple(row[f] for f in FIELDS)] += weight
  return {row: weight for row, weight in out.items() if weight}


def at(row, field):
  return row[FIELDS.index(field)]


def groups(rows, *keys):
  out = collections.defaultdict(dict)
  for row, weight in rows.items():
    out[tuple(at(row, key) for key in keys)][row] = weight
  return out


def order(value):
  return (value is None, value)  # null comes last


# ---- what steps give, from consolidated rows: {row: weight}


def aggregates(group):
  present = {row: weight for row, weight in group.items() if weight > 0}
  known = {row: weight for row, weight in group.items() if at(row, 'v') is not None}
  values = [at(row, 'v') for row in present if at(row, 'v') is not None]
  count = sum(known.values())
  total = sum(at(row, 'v') * weight for row, weight in known.items())
  trues = sum(weight for row, weight in known.items() if at(row, 'v') > 0)
  listed, distinct = collections.Counter(), collections.Counter()
  for row, weight in group.items():
    listed[at(row, 's')] += weight
    distinct[at(row, 'v')] += weight
  seen = [value for value, n in distinct.items() if n > 0 and value is not None]
  values = seen
  return {
      'total': total if count else None,
      'n': sum(group.values()),
      'mean': total / count if count else None,
      'least': min(values, default=None),
      'most': max(values, default=None),
      'first': min((s for s, n in listed.items() if n > 0), default=None),
      'names': sorted(s for s, n in listed.items() for _ in range(max(n, 0))) or None,
      'different': len(seen),
      'any_pos': trues > 0 if count else None,
      'all_pos': trues == count if count else None,
  }


def frozen(row):
  return tuple(sorted((k, tuple(v) if isinstance(v, list) else v) for k, v in row.items() if v is not None))


def combine(rows, gone):
  out = {}
  for (h, k), group in groups(rows, 'h', 'k').items():
    if not gone(sum(group.values())):
      out[frozen({'h': h, 'k': k, **aggregates(group)})] = 1
  return out


def combine_windows(rows):
  out = {}
  for row, _ in rows.items():
    start = at(row, 't') // 10
    inside = {r: w for r, w in rows.items() if at(r, 't') // 10 == start and at(r, 'k') == at(row, 'k')}
    if sum(inside.values()) > 0:
      of = aggregates(inside)
      out[frozen({'h': at(row, 'h'), 'k': at(row, 'k'), 'start': start * 10, 'least': of['least'], 'n': of['n']})] = 1
  return out


def distinct(rows, *keys):
  return {frozen(dict(zip(keys, key))): 1 for key, group in groups(rows, *keys).items() if sum(group.values()) > 0}


def top(rows, n):
  out = {}
  for group in groups(rows, 'h', 'k').values():
    left = n
    ranked = sorted(group, key=lambda row: (at(row, 'v') is None, -(at(row, 'v') or 0), [order(v) for v in row]))
    for row in ranked:
      share = min(left, max(group[row], 0))
      if share:
        out[frozen(dict(zip(FIELDS, row)))] = share
        left -= share
  return out


def sums(rows, touched):
  out = {}
  for key in touched:
    group = {row: weight for row, weight in rows.items() if row[:2] == key}
    total = sum((at(row, 'v') or 0) * weight for row, weight in group.items())
    exact = sum((at(row, 'x') or 0) * weight for row, weight in group.items())
    count = sum(group.values())
    if count or total or exact:
      out[frozen({'h': key[0], 'k': key[1], 'balance': total, 'quarters': exact})] = 1
  return out


def flow(rows):
  out = {}
  for (h, k, t), group in groups(rows, 'h', 'k', 't').items():
    amount = sum((at(row, 'v') or 0) * weight for row, weight in group.items())
    if amount:
      out[(h, k, t)] = amount
  return out


def plain(rows):
  return {frozen(dict(zip(FIELDS, row))): weight for row, weight in rows.items()}


def mapped(rows):
  """Filter v > 0, then {h, k, v2: v * 2}; Flatten with {h, k, v2: v} of all."""
  out = collections.Counter()
  for row, weight in rows.items():
    v = at(row, 'v')
    if v is not None and v > 0:
      out[frozen({'h': at(row, 'h'), 'k': at(row, 'k'), 'v2': v * 2})] += weight
    out[frozen({'h': at(row, 'h'), 'k': at(row, 'k'), 'v2': v})] += weight
  return {row: weight for row, weight in out.items() if weight}


def join(left, right, keep_left, keep_right):
  out = collections.Counter()
  lefts, rights = groups(left, 'h', 'k'), groups(right, 'h', 'k')
  for key in set(lefts) | set(rights):
    mine = {row: {'h': key[0], 'k': key[1], 'v': at(row, 'v')} for row in lefts.get(key, {})}
    theirs = {row: {'rh': key[0], 'rk': key[1], 's': at(row, 's'), 'w': at(row, 'v')} for row in rights.get(key, {})}
    for a, one in mine.items():
      for b, other in theirs.items():
        out[frozen({**one, **other})] += left[a] * right[b]
      if keep_left and not theirs:
        out[frozen(one)] += left[a]
    if keep_right and not mine:
      for b, other in theirs.items():
        out[frozen(other)] += right[b]
  return {row: weight for row, weight in out.items() if weight}
