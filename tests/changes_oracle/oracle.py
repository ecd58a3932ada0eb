"""Suite: incremental steps against recomputation (histories.py). Prints its seed; takes --seed, --histories, --keep."""

import argparse
import collections
import json
import os
import random as random_module
import subprocess
import tempfile

import histories as model

WEIR = os.environ.get('WEIR', 'weir')
CHUNK = 2502  # histories of one run; every third is a cut of the one before
MODES = (['--lanes', '1'], ['--lanes', '3', '--split-rows', '200', '--jitter', '11'],
         ['--lanes', '2', '--split-rows', '7', '--batch-rows', '7'], ['--lanes', '2', '--channel-batches', '1'])
ROW = {'h': 'integer', 'k': 'string', 'v': 'integer', 'x': 'number', 's': 'string', 't': 'integer'}
RUNNING = {'type': 'global', 'trigger': {'repeat': {'after_count': 1}}, 'accumulation': 'retracting'}
AGGREGATES = {
    'total': {'value': 'v', 'fn': 'sum'}, 'n': 'count', 'mean': {'value': 'v', 'fn': 'mean'},
    'least': {'value': 'v', 'fn': 'min'}, 'most': {'value': 'v', 'fn': 'max'}, 'first': {'value': 's', 'fn': 'min'},
    'names': {'value': 's', 'fn': 'group'}, 'different': {'value': 'v', 'fn': 'count_distinct'},
    'any_pos': {'value': 'v > 0', 'fn': 'any'}, 'all_pos': {'value': 'v > 0', 'fn': 'all'},
}
FORMS = {
    'weight': {'form': 'weight'}, 'words': {'form': 'insert_delete'},
    'pairs': {'form': 'before_after', 'key': ['h', 'k']}, 'unpaired': {'form': 'before_after'},
}


def step(kind, name, source, config, **more):
  return {'type': kind, 'name': name, 'input': source, 'config': config, **more}


def pipeline(folder):
  """The file, and what each of its sections is called: section → the step whose changes are written."""
  steps, sections = [], {}
  for side in ('left', 'right'):
    steps += [
        {'type': 'ReadFromJson', 'name': side + ' feed',
         'config': {'path': f'{folder}/{side}.json', 'schema': dict(ROW, weight='integer')}},
        step('AssignTimestamps', side + ' dated', side + ' feed', {'timestamp': 't'}),
        step('FromChanges', side, side + ' dated', {'form': 'weight'}),
    ]

  def add(kind, section, source, config, **more):
    steps.append(step(kind, section, source, config, **more))
    sections[section] = section

  key, by_key = ['h', 'k'], {'group_by': ['h', 'k'], 'combine': AGGREGATES}
  sums = {'key': key, 'fields': {'balance': 'v', 'quarters': 'x'}}
  add('Combine', 'combine', 'left', by_key, windowing=RUNNING)
  add('Combine', 'combine at the end', 'left', by_key)
  steps.append(step('Combine', 'by window', 'left', {'group_by': key, 'combine': {'least': AGGREGATES['least'], 'n': 'count'}},
                    windowing={'type': 'fixed', 'size': 10, 'accumulation': 'retracting'}))
  add('ExtractWindowingInfo', 'combine in windows', 'by window', {'fields': {'start': 'window_start'}})
  add('Distinct', 'distinct', 'left', {'fields': key})
  add('Distinct', 'distinct rows', 'left', {})
  add('Top', 'top', 'left', {'key': key, 'by': '-v', 'n': 2})
  add('Sum', 'sum', 'left', sums)
  steps.append(step('Sum', 'newest', 'left', dict(sums, output='upsert')))
  add('FromChanges', 'sum as upserts', 'newest', {'form': 'upsert', 'key': key})
  steps.append(step('Difference', 'flow', 'sum', {'key': key, 'fields': {'v': 'balance', 'x': 'quarters'}}))
  add('ExtractWindowingInfo', 'difference', 'flow', {'fields': {'t': 'timestamp'}})
  steps.append(step('Difference', 'flow of newest', 'newest', {'key': key, 'fields': {'v': 'balance'}}))
  add('ExtractWindowingInfo', 'difference of upserts', 'flow of newest', {'fields': {'t': 'timestamp'}})
  add('Sum', 'sum of difference', 'flow', sums)
  steps.append(step('ToChanges', 'state feed', 'sum', {'form': 'upsert', 'key': key}))
  add('FromChanges', 'upsert and back', 'state feed', {'form': 'upsert', 'key': key})
  steps += [
      step('Filter', 'positive', 'left', {'keep': 'v > 0'}),
      step('MapToFields', 'doubled', 'positive', {'fields': {'h': 'h', 'k': 'k', 'v2': 'v * 2'}}),
      step('MapToFields', 'as it is', 'left', {'fields': {'h': 'h', 'k': 'k', 'v2': 'v'}}),
  ]
  add('Flatten', 'filter, map, flatten', ['doubled', 'as it is'], {})
  add('Combine', 'combine of sum', 'sum', {'group_by': 'h', 'combine': {'most': {'value': 'balance', 'fn': 'max'}}},
      windowing=RUNNING)
  add('Combine', 'combine of top', 'top', {'group_by': 'h', 'combine': {'total': {'value': 'v', 'fn': 'sum'}}},
      windowing=RUNNING)
  for form, config in FORMS.items():
    steps.append(step('ToChanges', form + ' feed', 'left', config))
    add('FromChanges', form + ' and back', form + ' feed', {k: v for k, v in config.items() if k == 'form'})
  for kind in ('inner', 'left', 'right', 'outer'):
    add('Join', kind + ' join', {'l': 'left', 'r': 'right'},
        {'equalities': [{'l': 'h', 'r': 'h'}, {'l': 'k', 'r': 'k'}], 'type': kind,
         'fields': {'l': key + ['v'], 'r': {'rh': 'h', 'rk': 'k', 's': 's', 'w': 'v'}}})
  for number, section in enumerate(sections):
    steps.append(step('ToChanges', f'changes of {section}', section, {'form': 'weight', 'field': '_weight'}))
    steps.append({'type': 'WriteToJson', 'name': f'write {section}', 'input': f'changes of {section}',
                  'config': {'path': f'{folder}/out{number}.json'}})
  return {'pipeline': {'transforms': steps}}, list(sections)


def expected(left, right):
  """What each section must give for one history: {section: {row: weight}}. Joins only where no count is negative."""
  rows, others = model.consolidate(left), model.consolidate(right)
  touched = {(row['h'], row['k']) for _, row in left}
  state = model.sums(rows, touched)
  best, totals = {}, {}
  for row in state:
    of = dict(row)
    best[of['h']] = max(best.get(of['h'], of['balance']), of['balance'])
  first = model.top(rows, 2)
  for row, weight in first.items():
    of = dict(row)
    known, total = totals.get(of['h'], (False, 0))
    totals[of['h']] = (known or 'v' in of, total + of.get('v', 0) * weight)
  same = model.plain(rows)
  out = {
      'combine': model.combine(rows, lambda live: live <= 0),
      'combine at the end': model.combine(rows, lambda live: live == 0),
      'combine in windows': model.combine_windows(rows),
      'distinct': model.distinct(rows, 'h', 'k'),
      'distinct rows': {model.frozen(dict(zip(model.FIELDS, row))): 1 for row, weight in rows.items() if weight > 0},
      'top': first, 'sum': state, 'sum as upserts': state, 'upsert and back': state, 'sum of difference': state,
      'difference': model.flow(rows), 'difference of upserts': model.flow(rows),
      'filter, map, flatten': model.mapped(rows),
      'combine of sum': {model.frozen({'h': h, 'most': most}): 1 for h, most in best.items()},
      'combine of top': {model.frozen({'h': h, 'total': total if known else None}): 1
                         for h, (known, total) in totals.items()},
  }
  for form in FORMS:
    out[form + ' and back'] = same
  if all(weight > 0 for weight in rows.values()):
    for kind, keeps in (('inner', (0, 0)), ('left', (1, 0)), ('right', (0, 1)), ('outer', (1, 1))):
      out[kind + ' join'] = model.join(rows, others, *keeps)
  return out


def comparable(section, row):
  """A row of the output as `expected` writes it: (history, row)."""
  if section.startswith('difference'):
    second = row['t'][17:19]
    return row['h'], (row['h'], row['k'], int(row['t'][14:16]) * 60 + int(second)), row['v']
  if section == 'combine in windows':
    row = dict(row, start=int(row['start'][14:16]) * 60 + int(row['start'][17:19]))
  row.pop('timestamp', None)
  if 'names' in row and row['names'] is not None:
    row = dict(row, names=sorted(row['names']))
  return row.get('h') if row.get('h') is not None else row.get('rh'), model.frozen(row), None


def read(folder, number, section):
  """{history: {row: weight}} of a section's output, consolidated."""
  out = collections.defaultdict(collections.Counter)
  with open(f'{folder}/out{number}.json', encoding='utf-8') as lines:
    for line in lines:
      row = json.loads(line)
      weight = row.pop('_weight')
      h, shown, amount = comparable(section, row)
      out[h][shown] += weight if amount is None else weight * amount
  return {h: {row: weight for row, weight in rows.items() if weight} for h, rows in out.items()}


def without_nothing(section, rows):
  """Balances of 0 are as good as none where the feed cannot say that a key has gone."""
  if section not in ('sum as upserts', 'sum of difference'):
    return rows
  return {row: weight for row, weight in rows.items() if dict(row)['balance'] or dict(row)['quarters']}


def run_chunk(seed, first, count, mode, folder):
  left, right = model.histories(seed, first, count)
  random = random_module.Random(f'{seed} order {first}')
  for side, changes in (('left', left), ('right', right)):
    with open(f'{folder}/{side}.json', 'w', encoding='utf-8') as out:
      for weight, row in model.interleaved(random, changes):
        out.write(json.dumps(dict(row, weight=weight)) + '\n')
  content, sections = pipeline(folder)
  with open(f'{folder}/pipeline.yaml', 'w', encoding='utf-8') as out:
    json.dump(content, out, indent=1)
  done = subprocess.run([WEIR, 'run', '-q', *mode, f'{folder}/pipeline.yaml'], capture_output=True, text=True,
                        timeout=300, check=False)
  label = f"{' '.join(mode)} from {first}"
  if done.returncode != 0:
    print(f'not ok {label} - exit status {done.returncode}')
    print('\n'.join('# ' + line for line in done.stderr[-3000:].splitlines()))
    return
  wanted = {h: expected(left[h], right[h]) for h in left}
  for number, section in enumerate(sections):
    got = read(folder, number, section)
    bad = []
    for h in left:
      if section not in wanted[h]:
        continue
      want = without_nothing(section, wanted[h][section])
      if without_nothing(section, got.get(h, {})) != want:
        bad.append(h)
    if not bad:
      print(f'ok {label} {section}')
      continue
    print(f'not ok {label} {section} - {len(bad)} histories of {count}')
    h = min(bad, key=lambda h: len(left[h]))
    for weight, row in left[h]:
      print('#  ', weight, json.dumps(row))
    if section.endswith('join'):
      for weight, row in right[h]:
        print('#  right', weight, json.dumps(row))
    print('# expected', wanted[h][section])
    print('# came    ', got.get(h))


def main():
  parser = argparse.ArgumentParser()
  parser.add_argument('--seed', type=int, default=int.from_bytes(os.urandom(4), 'little'))
  parser.add_argument('--histories', type=int, default=10000)
  parser.add_argument('--keep', help='folder for the files')
  arguments = parser.parse_args()
  print('seed', arguments.seed, flush=True)
  with tempfile.TemporaryDirectory(prefix='weir-changes-') as temporary:
    folder = arguments.keep or temporary
    os.makedirs(folder, exist_ok=True)
    for number, first in enumerate(range(0, arguments.histories, CHUNK)):
      run_chunk(arguments.seed, first, min(CHUNK, arguments.histories - first), MODES[number % len(MODES)], folder)


if __name__ == '__main__':
  main()
