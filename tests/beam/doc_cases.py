"""The fenced examples of Beam's own YAML documentation, made into whole pipelines with data to run on."""

import dataclasses
import os
import re

import apache_beam
import yaml

FOLDER = os.path.join(os.path.dirname(apache_beam.__file__), 'yaml', 'docs')

# Every fragment and file of the documentation speaks of col1, col2, col3; yaml-join.md of inputs with fields in common.
ROWS = [
    {'col1': 'a', 'col2': 1, 'col3': 2.5},
    {'col1': 'a', 'col2': 150, 'col3': -1.5},
    {'col1': 'b', 'col2': 3, 'col3': 250.0},
    {'col1': 'b', 'col2': -7, 'col3': 101.25},
    {'col1': 'c', 'col2': 400, 'col3': 0.5},
    {'col1': 'zoological garden', 'col2': 120, 'col3': 300.0},
]
INT_ROWS = [
    {'col1': 'a', 'col2': 8, 'col3': 2},
    {'col1': 'b', 'col2': 5, 'col3': 0},
    {'col1': 'c', 'col2': 0, 'col3': 400},
    {'col1': 'zoological garden', 'col2': 120, 'col3': 300},
]


@dataclasses.dataclass
class DocCase:
  name: str  # yaml-udf.md#3
  text: str
  spec: object  # parsed; None when the text is no YAML by itself


def fences(path):
  """(index, text) of the fenced blocks that are neither shell commands nor marked as another language."""
  index, body, language = -1, None, ''
  with open(path, encoding='utf-8') as lines:
    for line in lines:
      if not line.strip().startswith('```'):
        if body is not None:
          body.append(line)
      elif body is None:
        index, body, language = index + 1, [], line.strip()[3:]
      else:
        text = ''.join(body)
        if language in ('', 'yaml') and not re.match(r'\s*(pip|python|gcloud) ', text):
          yield index, text
        body = None


def cases():
  for file in sorted(os.listdir(FOLDER)):
    for index, text in fences(os.path.join(FOLDER, file)):
      try:
        spec = yaml.safe_load(text)
      except yaml.YAMLError:
        spec = None
      yield DocCase(f'{file}#{index}', text, spec)


def undefined_inputs(steps):
  """Names that a fragment takes from a pipeline around it."""
  used = []

  def collect(value):
    if isinstance(value, str):
      used.append(value.split('.')[0])
    elif isinstance(value, dict):
      for part in value.values():
        collect(part)
    elif isinstance(value, list):
      for part in value:
        collect(part)

  for step in steps:
    collect(step.get('input'))
  defined = {step.get('name', step['type']) for step in steps}
  return [name for name in dict.fromkeys(used) if name not in defined]


def pipeline_of(case, folder):
  """The case as a whole pipeline; files that it reads are written below `folder`."""
  text = re.sub(r'[a-z]+://[a-z-]+/', '/path/to/', case.text).replace('/path/to/', folder + '/')
  spec = yaml.safe_load(text)
  rows = INT_ROWS if 'ratio' in text else ROWS
  for name in ('input1.csv', 'left1.csv', 'right1.csv'):
    with open(os.path.join(folder, name), 'w', encoding='utf-8') as out:
      out.write('col1,col2,col3\n' + ''.join(','.join(str(v) for v in row.values()) + '\n' for row in rows))
  if isinstance(spec, dict):
    return spec
  create = lambda name: {'type': 'Create', 'name': name, 'config': {'elements': rows}}
  names = undefined_inputs(spec)
  if names:
    sources = [create(name) for name in names]
    if case.name == 'yaml-join.md#0':  # equates col1 of one input with col2 of the other
      sources[1]['config'] = {'elements': [dict(row, col2=row['col1']) for row in rows[:4]]}
    if 'cross_product' not in text and 'fields: col1' in text:  # explodes col1: a list
      sources = [dict(create(name), config={'elements': [{'col1': ['a', 'b'], 'col2': 1}]}) for name in names]
    return {'pipeline': {'transforms': sources + spec}}
  sources = [create('Rows')]
  if 'fields: [col1]' in text:
    sources[0]['config'] = {'elements': [{'col1': ['a', 'b'], 'col2': 1}, {'col1': ['c'], 'col2': 2}]}
  elif '`timestamp`' in text:
    sources[0]['config'] = {'elements': [{'timestamp': -1}, {'timestamp': 5}]}
  elif 'windowing' in text:
    sources.append({'type': 'AssignTimestamps', 'config': {'timestamp': 'col2'}})
  return {'pipeline': {'type': 'chain', 'transforms': sources + spec}}
