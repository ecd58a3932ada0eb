"""Who asks: where credentials and endpoints come from, and what happens when they expire."""

import json
import os
import re
import threading

from fault_proxy import Answer, HttpProxy
from harness import Server
from store import REFUSED, environment, read_back, run, step


def without_keys(s3, port=None, **more):
  return environment(s3, port, AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None, **more)


def ask(folder, s3, env):
  s3.put('access.json', '{"a":1}\n')
  assert read_back(folder, env, 'ReadFromJson', f's3://{s3.bucket}/access.json') == [{'a': 1}]


def test_profile_files(folder, s3):
  os.mkdir(os.path.join(folder, '.aws'))
  with open(os.path.join(folder, '.aws', 'credentials'), 'w', encoding='utf-8') as file:
    file.write(f'[default]\naws_access_key_id = nobody\naws_secret_access_key = x\n'
               f'[work]\n# mine\naws_access_key_id={s3.access_key}\naws_secret_access_key = {s3.secret_key}\n')
  with open(os.path.join(folder, '.aws', 'config'), 'w', encoding='utf-8') as file:
    file.write(f'[profile work]\nregion = {s3.region}\nendpoint_url = http://127.0.0.1:{s3.port}\n')
  ask(folder, s3, without_keys(s3, HOME=folder, AWS_PROFILE='work', AWS_ENDPOINT_URL=None, AWS_REGION=None))
  _, said = run(folder, [step('ReadFromJson', path=f's3://{s3.bucket}/access.json'), step('Print')],
                without_keys(s3, HOME=folder), expected=REFUSED)
  assert 'the store answers 40' in said, said


def test_containers(folder, s3):
  def answer(request):
    assert request.headers['Authorization'] == 'letmein' and request.path == '/keys'
    return 200, {}, json.dumps({'AccessKeyId': s3.access_key, 'SecretAccessKey': s3.secret_key,
                                'Expiration': '2999-01-01T00:00:00Z'})

  with Server(answer) as server:
    ask(folder, s3, without_keys(s3, AWS_CONTAINER_CREDENTIALS_FULL_URI=server.url + '/keys',
                                 AWS_CONTAINER_AUTHORIZATION_TOKEN='letmein', HOME=folder))
    assert len(server.requests) == 1


def test_instances(folder, s3):
  def answer(request):
    if request.command == 'PUT' and request.path == '/latest/api/token':
      return 200, {}, 'session'
    if request.headers.get('X-aws-ec2-metadata-token') != 'session':
      return 401, {}, ''
    if request.path.endswith('/security-credentials/'):
      return 200, {}, 'role'
    return 200, {}, json.dumps({'AccessKeyId': s3.access_key, 'SecretAccessKey': s3.secret_key, 'Code': 'Success',
                                'Expiration': '2999-01-01T00:00:00Z'})

  with Server(answer) as server:
    ask(folder, s3, without_keys(s3, AWS_EC2_METADATA_SERVICE_ENDPOINT=server.url, AWS_EC2_METADATA_DISABLED=None,
                                 HOME=folder))


def test_tokens_of_pods(folder, s3):
  def answer(request):
    assert b'WebIdentityToken=ey.token' in request.body and b'AssumeRoleWithWebIdentity' in request.body
    return 200, {}, (f'<R><Credentials><AccessKeyId>{s3.access_key}</AccessKeyId><SecretAccessKey>{s3.secret_key}'
                     '</SecretAccessKey><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></R>')

  with open(os.path.join(folder, 'token'), 'w', encoding='utf-8') as file:
    file.write('ey.token\n')
  with Server(answer) as server:
    ask(folder, s3, without_keys(s3, AWS_WEB_IDENTITY_TOKEN_FILE=os.path.join(folder, 'token'), HOME=folder,
                                 AWS_ROLE_ARN='arn:aws:iam::1:role/r', AWS_ENDPOINT_URL_STS=server.url))


def test_expired_credentials_are_renewed(folder, s3):
  """The store says that they expired: others are asked for, and the run goes on."""
  given = []

  def answer(_):
    given.append(1)
    return 200, {}, json.dumps({'AccessKeyId': s3.access_key, 'SecretAccessKey': s3.secret_key})

  lock, state = threading.Lock(), {'requests': 0, 'expired': 0}

  def rule(_):
    with lock:
      state['requests'] += 1
      if state['requests'] in (2, 5):
        state['expired'] += 1
        return Answer(400, b'<Error><Code>ExpiredToken</Code><Message>The token has expired.</Message></Error>')
    return None

  for i in range(10):
    s3.put(f'expiring/{i}.json', f'{{"id": {i}}}\n')
  with Server(answer) as server, HttpProxy(s3.port, rule) as proxy:
    env = without_keys(s3, proxy.port, AWS_CONTAINER_CREDENTIALS_FULL_URI=server.url + '/keys', HOME=folder)
    rows = read_back(folder, env, 'ReadFromJson', f's3://{s3.bucket}/expiring/')
  assert [row['id'] for row in rows] == list(range(10))
  assert state['expired'] == 2 and len(given) == 3, (state, given)


def test_the_region_is_learned(folder, s3):
  """A bucket that is elsewhere says where."""
  def rule(request):
    scope = re.search(r'Credential=[^/]+/\d+/([^/]+)/', request.headers['Authorization']).group(1)
    if scope != s3.region:
      return Answer(301, b'<Error><Code>PermanentRedirect</Code></Error>', {'x-amz-bucket-region': s3.region})
    return None

  with HttpProxy(s3.port, rule) as proxy:
    ask(folder, s3, environment(s3, proxy.port, AWS_REGION='eu-central-1'))


def test_a_clock_that_is_wrong(folder, s3):
  skewed = []

  def rule(request):
    if len(skewed) < 2:  # a look, and the question why it was refused
      skewed.append(request.headers['x-amz-date'])
      return Answer(403, b'<Error><Code>RequestTimeTooSkewed</Code></Error>', {'Date': 'Sun, 01 Mar 2026 12:00:00 GMT'})
    return None

  with HttpProxy(s3.port, rule) as proxy:
    s3.put('access.json', '{"a":1}\n')
    steps = [step('ReadFromJson', path=f's3://{s3.bucket}/access.json'), step('Print')]
    run(folder, steps, environment(s3, proxy.port), expected=None)
    later = [request.headers['x-amz-date'] for request in proxy.requests[2:]]
  assert later and later[0].startswith('20260301T1200'), later


def test_secrets_are_not_printed(folder, s3):
  steps = [step('ReadFromJson', path=f's3://{s3.bucket}/none.json'), step('Print')]
  for env in (environment(s3), environment(s3, AWS_SECRET_ACCESS_KEY='anothersecret'), environment(s3, 1)):
    out, said = run(folder, steps, env, expected=REFUSED)
    assert s3.secret_key not in out + said and 'anothersecret' not in out + said


def test_settings_of_a_step(folder, s3):
  """Endpoint and keys in the file, with nothing in the environment; two steps that disagree are told so."""
  env = without_keys(s3, AWS_ENDPOINT_URL=None, AWS_REGION=None, HOME=folder)
  there = {'endpoint': f'http://127.0.0.1:{s3.port}', 'region': s3.region, 'access_key_id': s3.access_key,
           'secret_access_key': s3.secret_key}
  path = f's3://{s3.bucket}/settings.json'
  run(folder, [step('Create', elements=[{'a': 1}]), step('WriteToJson', path=path, **there)], env)
  assert read_back(folder, env, 'ReadFromJson', path, **there) == [{'a': 1}]
  elsewhere = {**there, 'region': 'eu-west-1'}
  steps = [step('ReadFromJson', path=path, **there), step('WriteToJson', path=path + 'l', **elsewhere)]
  _, said = run(folder, steps, env, expected=REFUSED)
  assert 'other settings' in said and s3.secret_key not in said, said
  _, said = run(folder, [step('ReadFromJson', path='x.json', region='eu-west-1'), step('Print')], env, expected=REFUSED)
  assert 's3://' in said, said
