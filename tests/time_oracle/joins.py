"""Suite: joins of streams against a second implementation, row by row, and against DuckDB.

A case is two lists of rows and a kind of join. The same pipeline joins them as bounded inputs, where an Sql step must say
the same, and as streams whose rows come out of order within the lateness, with watermarks in between. What comes out is
counted by row, so that rows that were taken back are gone. Prints its seed; takes --seed, --cases and --keep.
"""

import argparse
import collections
import json
import os
import random as random_module
import subprocess
import tempfile

WEIR = os.environ.get('WEIR', 'weir')
MODES = tuple(['--lanes', str(lanes), '--batch-rows', str(rows), '--split-rows', str(rows)]
              for lanes in (1, 2, 3) for rows in (1, 7, 4096))
TYPES = ('inner', 'left', 'right', 'outer')
KINDS = ('global', 'fixed', 'sliding', 'calendar', 'within', 'as_of')
AT_THE_END = {'type': 'global', 'trigger': {'repeat': {'after_count': 1000000000}}}
DAY = 86400


def rows_of(random, count, times):
  keys = ['a', 'b', 'c', None]
  rows = [{'k': random.choice(keys), 'v': random.randint(0, 4), 't': random.choice(times)} for _ in range(count)]
  # A transcript shows types by its values: one key at least is not null.
  rows[0]['k'] = rows[0]['k'] or 'a'
  return rows


class Case:
  """One random case."""

  def __init__(self, random, kind, join_type, changes):
    self.kind, self.type, self.changes = kind, join_type, changes
    span = 5 * DAY if kind == 'calendar' else 60
    self.lateness = span // 6
    times = range(span)
    self.left = rows_of(random, random.randint(1, 25), times)
    self.right = rows_of(random, random.randint(1, 25), times)
    if kind == 'as_of':  # of versions with one time any may be taken
      self.right = list({(r['k'], r['t']): r for r in self.right}.values())
    self.before, self.after = random.randint(-3, 12), random.randint(3, 8)
    arrivals = [(row, 'LT', 1) for row in self.left] + [(row, 'RT', 1) for row in self.right]
    if changes:
      arrivals += [(row, step, -1) for row, step, _ in random.sample(arrivals, len(arrivals) // 3)]
    self.arrivals = sorted(((row['t'] + random.uniform(0, self.lateness), row, step, weight)
                            for row, step, weight in arrivals), key=lambda a: a[0])
    self.watermark_share = random.choice((0.1, 0.5, 1))
    self.random = random

  def windowing(self):
    return {'global': {'type': 'global'}, 'within': {'type': 'global'}, 'as_of': {'type': 'global'},
            'fixed': {'type': 'fixed', 'size': 10}, 'sliding': {'type': 'sliding', 'size': 10, 'period': 5},
            'calendar': {'type': 'fixed', 'size': '1d', 'timezone': 'UTC'}}[self.kind]

  def windows(self, time):
    """Starts of the windows of a time."""
    if self.kind == 'fixed':
      return [time // 10 * 10]
    if self.kind == 'sliding':
      return [time // 5 * 5 - 5, time // 5 * 5]
    return [time // DAY * DAY] if self.kind == 'calendar' else [None]

  def meets(self, left, right):
    return self.kind != 'within' or left['t'] - self.before <= right['t'] <= left['t'] + self.after

  def expected(self, left, right):
    """Counts of (a, b, start of window); `left` and `right` are rows with weights, as they are in the end."""
    out = collections.Counter()
    sides = [[(row, weight, start) for row, weight in side for start in self.windows(row['t'])]
             for side in (left, right)]
    if self.kind == 'as_of':
      for row, weight, _ in sides[0]:
        versions = [r for r, _, _ in sides[1] if r['k'] == row['k'] is not None and r['t'] <= row['t']]
        if versions:
          out[row['v'], max(versions, key=lambda r: r['t'])['v'], None] += weight
        elif self.type == 'left':
          out[row['v'], None, None] += weight
      return out
    met = [set(), set()]
    for i, (l, l_weight, l_start) in enumerate(sides[0]):
      for j, (r, r_weight, r_start) in enumerate(sides[1]):
        if l['k'] is None or l['k'] != r['k'] or l_start != r_start or not self.meets(l, r):
          continue
        out[l['v'], r['v'], l_start] += l_weight * r_weight
        met[0].add(i)
        met[1].add(j)
    for i, (row, weight, start) in enumerate(sides[0]):
      if i not in met[0] and self.type in ('left', 'outer'):
        out[row['v'], None, start] += weight
    for j, (row, weight, start) in enumerate(sides[1]):
      if j not in met[1] and self.type in ('right', 'outer'):
        out[None, row['v'], start] += weight
    return out

  def in_the_end(self):
    totals = {'LT': collections.Counter(), 'RT': collections.Counter()}
    for _, row, step, weight in self.arrivals:
      totals[step][tuple(row.items())] += weight
    return [[(dict(row), weight) for row, weight in totals[step].items() if weight] for step in ('LT', 'RT')]

  def sql(self):
    columns = 'l.v as a, r.v as b, '
    start = {'fixed': 't // 10 * 10', 'calendar': f't // {DAY} * {DAY}'}.get(self.kind)
    if start:
      columns += f'coalesce(l.{start}, r.{start})'
    else:
      columns += 'cast(null as bigint)'
    if self.kind == 'as_of':
      return f"select {columns} as w from l asof {'left' if self.type == 'left' else ''} join r on l.k = r.k and l.t >= r.t"
    on = 'l.k = r.k'
    if start:
      on += f' and l.{start} = r.{start}'
    if self.kind == 'within':
      on += f' and r.t between l.t - ({self.before}) and l.t + {self.after}'
    join = {'inner': 'join', 'left': 'left join', 'right': 'right join', 'outer': 'full join'}[self.type]
    return f'select {columns} as w from l {join} r on {on}'

  def pipeline(self):
    config = {'equalities': 'k', 'type': self.type, 'fields': {'l': {'a': 'v'}, 'r': {'b': 'v'}}}
    if self.kind == 'within':
      config['within'] = {'before': self.before, 'after': self.after}
    if self.kind == 'as_of':
      config['as_of'] = 'r'
    # A row that no case has gives the fields their types, and is filtered out.
    typed = {'k': 'none', 'v': 0, 't': 0}
    steps = []
    for name, rows in (('L', self.left), ('R', self.right)):
      steps.append({'type': 'Create', 'name': name + 'C', 'config': {'elements': rows + [typed]}})
      steps.append({'type': 'Filter', 'name': name, 'input': name + 'C', 'config': {'keep': "k is null or k != 'none'"}})
      steps.append({'type': 'AssignTimestamps', 'name': name + 'T', 'input': name, 'config': {'timestamp': 't'}})
    steps.append({'type': 'Join', 'name': 'J', 'input': {'l': 'LT', 'r': 'RT'}, 'windowing': self.windowing(),
                  'config': config})
    window = 'cast(null as integer)' if self.windows(0) == [None] else 'cast(epoch(s) as integer)'
    steps.append({'type': 'ExtractWindowingInfo', 'name': 'JS', 'input': 'J', 'config': {'fields': {'s': 'window_start'}}})
    steps.append({'type': 'MapToFields', 'name': 'JW', 'input': 'JS',
                  'config': {'fields': {'a': 'a', 'b': 'b', 'w': window}}})
    counted = [('Join', 'JW')]
    if self.kind != 'sliding' and not self.changes:
      steps.append({'type': 'Sql', 'name': 'S', 'input': {'l': 'L', 'r': 'R'}, 'config': {'query': self.sql()}})
      counted.append(('Sql', 'S'))
    for name, step in counted:
      steps.append({'type': 'Combine', 'name': name + 'Count', 'input': step, 'windowing': AT_THE_END,
                    'config': {'group_by': ['a', 'b', 'w'], 'combine': {'n': {'value': '1', 'fn': 'sum'}}}})
      steps.append({'type': 'Filter', 'name': name + 'Out', 'input': name + 'Count', 'config': {'keep': 'n != 0'}})
    return steps

  def rows(self, counts):
    return [{'a': a, 'b': b, 'w': w, 'n': n} for (a, b, w), n in counts.items() if n]

  def tests(self):
    if not self.changes:
      expected = self.rows(self.expected([(r, 1) for r in self.left], [(r, 1) for r in self.right]))
      names = ['JoinOut'] + (['SqlOut'] if self.kind != 'sliding' else [])
      yield {'name': 'bounded', 'expected_outputs': [{'name': name, 'elements': expected} for name in names]}
    transcript = []
    if self.changes:  # says that rows of both may be taken back, and gives the fields their types
      for step in ('LT', 'RT'):
        one = {'at': 0, 'row': {'k': 'none', 'v': 0, 't': 0}}
        transcript.append({'input': {'step': step, 'rows': [dict(one, weight=1), dict(one, weight=-1)]}})
    for when, row, step, weight in self.arrivals:
      transcript.append({'input': {'step': step, 'rows': [dict({'at': row['t'], 'row': row},
                                                               **({'weight': weight} if self.changes else {}))]}})
      if self.random.random() < self.watermark_share:
        transcript.append({'watermark': max(0, int(when - self.lateness))})
    transcript.append({'end': 'all'})
    expected = self.rows(self.expected(*self.in_the_end()))
    transcript.append({'expect': {'step': 'JoinOut', 'rows': [{'row': row} for row in expected]}})
    if {step for _, _, step, _ in self.arrivals} == {'LT', 'RT'}:  # a step that gives nothing has no fields
      yield {'name': 'stream', 'transcript': transcript}


def files(random, cases):
  for kind in KINDS:
    for join_type in TYPES:
      if kind == 'as_of' and join_type in ('right', 'outer'):
        continue
      for changes in (False, True):
        if changes and kind == 'as_of':
          continue
        for number in range(cases):
          case = Case(random, kind, join_type, changes)
          name = f"{kind}_{join_type}{'_changes' if changes else ''}_{number}"
          yield name, {'pipeline': {'transforms': case.pipeline()}, 'tests': list(case.tests())}


def report(mode, done):
  label = 'joins ' + ' '.join(mode)
  try:
    results = json.loads(done.stdout)
  except json.JSONDecodeError:
    print(f'not ok {label} - exit status {done.returncode}: {done.stderr[-600:]!r}')
    return
  if not results:
    print(f'not ok {label} - no test ran')
  for result in results:
    name = f"{label} {os.path.basename(result['file'])[:-5]} {result['test']}"
    if result['passed']:
      print('ok', name)
      continue
    print('not ok', name, '-', result.get('error', 'another answer'))
    for expectation in result.get('expectations', []):
      if not expectation['passed']:
        print('#', json.dumps(expectation)[:1500])


def main():
  parser = argparse.ArgumentParser()
  parser.add_argument('--seed', type=int, default=int.from_bytes(os.urandom(4), 'little'))
  parser.add_argument('--cases', type=int, default=3, help='for each kind and type of join')
  parser.add_argument('--keep', help='folder for the files')
  parser.add_argument('--only', default='', help='part of a name')
  arguments, _ = parser.parse_known_args()
  print('seed', arguments.seed, flush=True)
  random = random_module.Random(arguments.seed)
  with tempfile.TemporaryDirectory(prefix='weir-joins-') as temporary:
    folder = arguments.keep or temporary
    os.makedirs(folder, exist_ok=True)
    paths = []
    for name, content in files(random, arguments.cases):
      if arguments.only not in name:
        continue
      paths.append(f'{folder}/{name}.yaml')
      with open(paths[-1], 'w', encoding='utf-8') as out:
        json.dump(content, out, indent=1)
    for mode in MODES:
      done = subprocess.run([WEIR, 'test', '--json', *mode, *paths], capture_output=True, text=True, timeout=500,
                            check=False)
      report(mode, done)


if __name__ == '__main__':
  main()
