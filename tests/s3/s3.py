"""A small client of S3 for the tests, with a signature of its own: it does not depend on what is tested."""

import datetime
import hashlib
import hmac
import http.client
import re
import urllib.parse


class S3:
  """Path style, one bucket."""

  def __init__(self, port, access_key, secret_key, region, bucket):
    self.port, self.access_key, self.secret_key, self.region, self.bucket = port, access_key, secret_key, region, bucket
    self.connection = None

  def clone(self):
    return S3(self.port, self.access_key, self.secret_key, self.region, self.bucket)

  def request(self, method, key='', query=None, body=b'', headers=None):
    """(status, headers, body)"""
    now = datetime.datetime.now(datetime.timezone.utc).strftime('%Y%m%dT%H%M%SZ')
    path = '/' + self.bucket + ('/' + urllib.parse.quote(key, safe='/~-._') if key else '')
    pairs = '&'.join(f'{urllib.parse.quote(k, safe="~-._")}={urllib.parse.quote(str(v), safe="~-._")}'
                     for k, v in sorted((query or {}).items()))
    digest = hashlib.sha256(body).hexdigest()
    signed = {'host': f'127.0.0.1:{self.port}', 'x-amz-content-sha256': digest, 'x-amz-date': now,
              **{k.lower(): v for k, v in (headers or {}).items()}}
    names = ';'.join(sorted(signed))
    canonical = '\n'.join([method, path, pairs, *(f'{k}:{signed[k]}' for k in sorted(signed)), '', names, digest])
    scope = f'{now[:8]}/{self.region}/s3/aws4_request'
    text = '\n'.join(['AWS4-HMAC-SHA256', now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key_bytes = ('AWS4' + self.secret_key).encode()
    for part in (now[:8], self.region, 's3', 'aws4_request'):
      key_bytes = hmac.new(key_bytes, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key_bytes, text.encode(), hashlib.sha256).hexdigest()
    signed['Authorization'] = (f'AWS4-HMAC-SHA256 Credential={self.access_key}/{scope}, SignedHeaders={names}, '
                               f'Signature={signature}')
    for attempt in (1, 2):
      try:
        self.connection = self.connection or http.client.HTTPConnection('127.0.0.1', self.port, timeout=60)
        self.connection.request(method, path + ('?' + pairs if pairs else ''), body or None, signed)
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read()
      except (OSError, http.client.HTTPException):
        self.connection.close()
        self.connection = None
        if attempt == 2:
          raise

  def checked(self, *args, **options):
    status, headers, body = self.request(*args, **options)
    assert status < 300, f'{args}: {status} {body[:300]}'
    return headers, body

  def make_bucket(self):
    status, _, body = self.request('PUT')
    assert status in (200, 409), body

  def put(self, key, body):
    self.checked('PUT', key, body=body if isinstance(body, bytes) else body.encode())

  def get(self, key):
    return self.checked('GET', key)[1]

  def head(self, key):
    status, headers, _ = self.request('HEAD', key)
    return headers if status == 200 else None

  def delete(self, key):
    self.checked('DELETE', key)

  def keys(self, prefix=''):
    found, token = [], None
    while True:
      query = {'list-type': 2, 'prefix': prefix, **({'continuation-token': token} if token else {})}
      text = self.checked('GET', query=query)[1].decode()
      found += re.findall(r'<Contents>.*?<Key>(.*?)</Key>', text, re.S)
      token = re.search(r'<NextContinuationToken>(.*?)<', text)
      if not token:
        return sorted(found)
      token = token.group(1)

  def uploads(self, prefix=''):
    """Keys of multipart uploads that are neither completed nor aborted."""
    text = self.checked('GET', query={'uploads': '', 'prefix': prefix})[1].decode()
    return sorted(re.findall(r'<Upload>.*?<Key>(.*?)</Key>', text, re.S))

  def clear(self, prefix=''):
    for key in self.keys(prefix):
      self.delete(key)
