"""WriteToHttp and PollHttp against servers that answer well, badly, late, or not at all."""

import json
import os
import ssl
import threading
import time

from harness import Pipeline, Server, free_port, post, read_rows, step, wait_for


def ids_of(server):
  return [json.loads(line)['id'] for request in server.requests for line in request.body.splitlines()]


def create(count):
  return step('Create', elements=[{'id': i} for i in range(count)])


def test_requests_hold_as_many_rows_as_asked_for(folder):
  with Server(lambda request: (200, {}, '')) as server:
    write = step('WriteToHttp', url=server.url + '/in', batch={'max_records': 10}, headers={'X-Key': 'k'})
    Pipeline(folder, [create(25), write], '--lanes', '1').end()
    assert sorted(ids_of(server)) == list(range(25))
    assert sorted(len(request.body.splitlines()) for request in server.requests) == [5, 10, 10]
    first = server.requests[0]
    assert first.path == '/in' and first.headers['X-Key'] == 'k', first.headers
    assert first.headers['Content-Type'] == 'application/x-ndjson'
    assert len({request.headers['Idempotency-Key'] for request in server.requests}) == 3
    server.requests.clear()
    write = step('WriteToHttp', url=server.url, format='json', method='PUT', batch={'max_bytes': '60'})
    Pipeline(folder, [create(25), write], '--lanes', '1').end()
    bodies = [json.loads(request.body) for request in server.requests]
    assert sorted(row['id'] for body in bodies for row in body) == list(range(25)) and len(bodies) > 2
    assert server.requests[0].command == 'PUT'


def test_rows_do_not_wait_for_others(folder):
  port = free_port()
  with Server(lambda request: (200, {}, '')) as server:
    write = step('WriteToHttp', url=server.url, batch={'max_wait': '100ms'})
    read = step('ReadFromHttp', listen=f'127.0.0.1:{port}', schema={'id': 'integer'})
    with Pipeline(folder, [read, write], port=port):
      assert post(port, {'id': 1})[0] == 202
      wait_for(lambda: ids_of(server) == [1], 5, 'delivery')


def test_the_same_request_is_sent_again(folder):
  answers = iter([(503, {}, ''), (429, {'Retry-After': '1'}, ''), (500, {}, ''), (200, {}, '')])
  begin = time.monotonic()
  with Server(lambda request: next(answers)) as server:
    Pipeline(folder, [create(3), step('WriteToHttp', url=server.url)]).end()
    assert len(server.requests) == 4
    assert len({(request.headers['Idempotency-Key'], request.body) for request in server.requests}) == 1
  assert time.monotonic() - begin >= 1, 'the server asked for a second'


def test_a_server_that_comes_later(folder):
  port = free_port()
  run = Pipeline(folder, [create(3), step('WriteToHttp', url=f'http://127.0.0.1:{port}')])
  time.sleep(0.5)
  assert run.process.poll() is None
  with Server(lambda request: (200, {}, ''), port) as server:
    run.end()
    assert sorted(ids_of(server)) == [0, 1, 2]


def test_what_is_refused_goes_to_errors(folder):
  def answer(request):
    return (422, {}, 'no id 1 please\n') if b'"id":1}' in request.body else (200, {}, '')

  with Server(answer) as server:
    write = step('WriteToHttp', url=server.url, batch={'max_records': 1}, error_handling={'output': 'errors'})
    with open(os.path.join(folder, 'p.yaml'), 'w', encoding='utf-8') as file:
      json.dump({'pipeline': {'transforms': [
          {**create(3), 'name': 'Make'}, {**write, 'input': 'Make', 'name': 'Send'},
          {**step('WriteToJson', path='out.json'), 'input': 'Send.errors'}]}}, file)
    Pipeline(folder, None).end()
    rows = read_rows(folder)
    assert [row['element'] for row in rows] == [{'id': 1}] and '422: no id 1 please' in rows[0]['msg'], rows
    run = Pipeline(folder, [create(3), step('WriteToHttp', url=server.url)])
    run.end(1)
    assert 'the server answered 422' in run.err, run.err


def test_giving_up_takes_its_time(folder):
  with Server(lambda request: (500, {}, '')) as server:
    run = Pipeline(folder, [create(1), step('WriteToHttp', url=server.url, max_retry='300ms')])
    run.end(1)
  assert 'given up after trying again' in run.err and len(server.requests) >= 2, run.err


def poll(url, **config):
  config.setdefault('schema', {'id': 'integer'})
  return step('PollHttp', url=url, every='50ms', **config)


def test_poll_gives_what_is_new(folder):
  state = {'etag': '"1"', 'rows': [{'id': 1}, {'id': 2}]}

  def answer(request):
    if request.headers.get('If-None-Match') == state['etag']:
      return 304, {}, ''
    return 200, {'ETag': state['etag'], 'Content-Type': 'application/json'}, json.dumps(state['rows'])

  with Server(answer) as server:
    with Pipeline(folder, [poll(server.url, headers={'X-Key': 'k'}), step('WriteToJson', path='out.json')]):
      wait_for(lambda: len(server.requests) >= 4, what='asking again')
      state.update(etag='"2"', rows=[{'id': 3}])
      count = len(server.requests)
      wait_for(lambda: len(server.requests) >= count + 3, what='asking again')
    assert server.requests[0].headers['X-Key'] == 'k'
  assert [row['id'] for row in read_rows(folder)] == [1, 2, 3]


def test_poll_without_versions_compares(folder):
  with Server(lambda request: (200, {'Content-Type': 'text/csv'}, 'id\n1\n')) as server:
    with Pipeline(folder, [poll(server.url), step('WriteToJson', path='out.json')]):
      wait_for(lambda: len(server.requests) >= 5, what='asking again')
  assert read_rows(folder) == [{'id': 1}]


def test_poll_follows_pages(folder):
  def by_field(request):
    page = int(request.path.split('=')[1]) if '=' in request.path else 0
    body = {'data': {'items': [{'id': page}], 'next': f'/list?page={page + 1}' if page < 3 else None}}
    return 200, {'Content-Type': 'application/json'}, json.dumps(body)

  def by_header(request):
    page = int(request.path.split('=')[1]) if '=' in request.path else 0
    link = f'</first>; rel="first", <?page={page + 1}>; rel="next"' if page < 3 else '</first>; rel="first"'
    return 200, {'Content-Type': 'application/json', 'Link': link}, json.dumps([{'id': page}])

  for answer, config in ((by_field, {'records': 'data.items', 'next': 'data.next'}), (by_header, {'next': 'link'})):
    with Server(answer) as server:
      with Pipeline(folder, [poll(server.url + '/list', **config), step('WriteToJson', path='out.json')]):
        wait_for(lambda server=server: len(server.requests) >= 9, what='two rounds')
    assert [row['id'] for row in read_rows(folder)] == [0, 1, 2, 3], read_rows(folder)


def test_poll_tries_again_and_says_what_failed(folder):
  answers = iter([(503, {}, ''), (200, {'Content-Type': 'application/json'}, '[{"id":1}]')])
  with Server(lambda request: next(answers, (404, {}, ''))) as server:
    run = Pipeline(folder, [poll(server.url), step('Print', format='json')])
    run.end(1)
  assert '"id": 1' in run.out and 'the server answered 404' in run.err, (run.out, run.err)


def test_certificates_are_verified(folder):
  here = os.path.dirname(os.path.abspath(__file__))
  context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
  context.load_cert_chain(os.path.join(here, 'localhost.pem'))
  with Server(lambda request: (200, {}, ''), tls=context) as server:
    url = server.url.replace('http://127.0.0.1', 'https://localhost')
    run = Pipeline(folder, [create(2), step('WriteToHttp', url=url, max_retry='0s')])
    run.end(1)
    assert 'certificate' in run.err and not server.requests, run.err
    Pipeline(folder, [create(2), step('WriteToHttp', url=url, ca_file=os.path.join(here, 'localhost.pem'))]).end()
    assert sorted(ids_of(server)) == [0, 1]
