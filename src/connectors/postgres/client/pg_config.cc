// Settings of connections.
#include "connectors/postgres/client/pg_config.h"

#include <algorithm>

namespace weir {

const FieldSet<PgConfig>& PgConfig::Fields() {
  static const auto fields =
      FieldSet<PgConfig>()
          .Field(
              "url", &PgConfig::url,
              FieldDoc("The server, the database and who asks, as one URL. What the fields below say counts more; what "
                       "nothing says comes from libpq's own variables (PGHOST …) and ~/.pgpass.")
                  .Example("postgresql://weir@db.example.com:5432/shop"))
          .Field("host", &PgConfig::host, FieldDoc("Name or address of the server.").Example("db.example.com"))
          .Field("port", &PgConfig::port, FieldDoc("Its port.").Min("1").Max("65535").Example("5432"))
          .Field("database", &PgConfig::database, FieldDoc("Name of the database.").Example("shop"))
          .Field("user", &PgConfig::user, FieldDoc("Who asks.").Example("weir"))
          .Field("password", &PgConfig::password, FieldDoc("Never shown.").Example("${env:PGPASSWORD}"))
          .Field("tls", &PgConfig::tls,
                 FieldDoc(
                     "`prefer`: where the server can; `require`: always; `verify-ca`, `verify-full`: and the server's "
                     "certificate is checked, with its name. By default what the URL says, or `prefer`.")
                     .OneOf({"disable", "prefer", "require", "verify-ca", "verify-full"}))
          .Field("ca_file", &PgConfig::ca_file,
                 FieldDoc("Certificates (PEM) to trust, for `verify-ca` and `verify-full`.").Advanced())
          .Field("connect_timeout", &PgConfig::connect_timeout,
                 FieldDoc("How long one try to connect may take.").Default("10s").Min("2s").Max("10m").Advanced());
  return fields;
}

PgParameters ParametersOf(const PgConfig& config) {
  PgParameters parameters;
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) parameters.emplace_back(name, value);
  };
  add("dbname", config.url.Reveal());  // libpq takes a URL in its place; what follows replaces parts of it
  add("host", config.host);
  add("port", config.port ? std::to_string(*config.port) : "");
  add("dbname", config.database);
  add("user", config.user);
  add("password", config.password.Reveal());
  add("sslmode", config.tls);
  add("sslrootcert", config.ca_file);
  add("connect_timeout", std::to_string(config.connect_timeout.us / 1'000'000));
  add("application_name", "weir");
  // Dead servers are found, whatever the system's defaults: after about a minute.
  add("keepalives_idle", "30");
  add("keepalives_interval", "10");
  add("keepalives_count", "3");
  return parameters;
}

}  // namespace weir
