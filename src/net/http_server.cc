// The server: accepts connections, gives each a thread, stops them all.
#include "net/http_server.h"

#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>

#include "base/check.h"
#include "env/env.h"
#include "net/http_connection.h"
#include "net/socket.h"

namespace weir {
namespace {

int64_t SteadyMs() { return Env::Real().SteadyTimeNs() / 1'000'000; }

std::vector<std::string> Segments(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    path.remove_prefix(path.front() == '/');
    const size_t end = std::min(path.find('/'), path.size());
    segments.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}

}  // namespace

struct HttpServer::State {
  struct Client {
    std::unique_ptr<HttpConnection> connection;
    std::thread thread;
    bool is_over = false;
  };

  HttpService service;
  std::unique_ptr<Listener> listener;
  std::thread acceptor;
  std::mutex mutex;
  std::condition_variable changed;  // a client is over, or the server stops
  std::list<Client> clients;

  void Accept();
  void Add(std::unique_ptr<Socket> socket);
  void JoinOver(std::unique_lock<std::mutex>& lock);
  void BreakLongestIdle();
};

void HttpServer::State::Accept() {
  SetThreadName("http-accept");
  while (!service.stopping) {
    auto socket = listener->Accept();
    if (!socket.ok() || !*socket) return;
    Add(std::move(*socket));
  }
}

void HttpServer::State::Add(std::unique_ptr<Socket> socket) {
  std::unique_lock lock(mutex);
  for (;;) {
    JoinOver(lock);
    if (service.stopping || static_cast<int>(clients.size()) < service.options.max_connections) break;
    BreakLongestIdle();
    changed.wait_for(lock, std::chrono::milliseconds(100));
  }
  if (service.stopping) return;
  Client& client = clients.emplace_back();
  client.connection = std::make_unique<HttpConnection>(&service, std::move(socket));
  client.thread = std::thread([this, &client] {
    SetThreadName("http-client");
    client.connection->Serve();
    client.connection->Break();
    std::lock_guard over(mutex);
    client.is_over = true;
    changed.notify_all();
  });
}

void HttpServer::State::JoinOver(std::unique_lock<std::mutex>& lock) {
  std::list<Client> over;
  for (auto it = clients.begin(); it != clients.end();) {
    auto next = std::next(it);
    if (it->is_over) over.splice(over.end(), clients, it);
    it = next;
  }
  lock.unlock();
  for (Client& client : over) client.thread.join();
  over.clear();
  lock.lock();
}

void HttpServer::State::BreakLongestIdle() {
  Client* longest = nullptr;
  for (Client& client : clients) {
    const int64_t since = client.connection->idle_since_ms();
    if (since < 0 || SteadyMs() - since < 100) continue;  // who has just come may be about to ask
    if (!longest || since < longest->connection->idle_since_ms()) longest = &client;
  }
  if (longest) longest->connection->Break();
}

HttpServer::HttpServer() : state_(std::make_unique<State>()) {}

HttpServer::~HttpServer() { Stop(0); }

void HttpServer::Handle(std::string method, std::string pattern, HttpHandler handler) {
  WEIR_CHECK(!state_->listener, "handlers are given before Listen");
  state_->service.routes.push_back({std::move(method), Segments(pattern), std::move(handler)});
}

Status HttpServer::Listen(const HttpServerOptions& options) {
  WEIR_CHECK(!state_->listener, "a server listens once");
  WEIR_ASSIGN_OR_RETURN(state_->listener, Listener::Open({options.address, options.port}));
  state_->service.options = options;
  state_->acceptor = std::thread([state = state_.get()] { state->Accept(); });
  return Status::OK();
}

int HttpServer::port() const { return state_->listener ? state_->listener->port() : 0; }

void HttpServer::BeginStop() {
  if (state_->service.stopping.exchange(true)) return;
  if (state_->listener) state_->listener->Close();
  std::lock_guard lock(state_->mutex);
  for (State::Client& client : state_->clients) {
    if (client.connection->idle_since_ms() >= 0) client.connection->Break();
  }
  state_->changed.notify_all();
}

int HttpServer::active_requests() const { return state_->service.active_requests; }

void HttpServer::Stop(int64_t grace_ms) {
  BeginStop();
  if (state_->acceptor.joinable()) state_->acceptor.join();
  std::unique_lock lock(state_->mutex);
  const auto all_over = [&] {
    for (State::Client& client : state_->clients) {
      if (!client.is_over) return false;
    }
    return true;
  };
  if (!state_->changed.wait_for(lock, std::chrono::milliseconds(grace_ms), all_over)) {
    for (State::Client& client : state_->clients) client.connection->Break();
    state_->changed.wait(lock, all_over);
  }
  state_->JoinOver(lock);
}

}  // namespace weir
