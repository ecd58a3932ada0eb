// Types of PostgreSQL and of Weir.
//
//   boolean bool · smallint, integer, bigint, oid integer · real, double precision number · numeric(p, s) decimal(p, s)
//   · timestamptz, timestamp (as UTC) timestamp · date date · bytea bytes · arrays of these array<…> · everything else,
//   and numeric without digits, string: its text
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "batch/types.h"
#include "connectors/postgres/client/pg_connection.h"

namespace weir {

/// Numbers of built-in types (pg_type.dat); they never change.
enum PgOid : uint32_t {
  kPgBool = 16,
  kPgBytea = 17,
  kPgInt8 = 20,
  kPgInt2 = 21,
  kPgInt4 = 23,
  kPgText = 25,
  kPgOid = 26,
  kPgJson = 114,
  kPgFloat4 = 700,
  kPgFloat8 = 701,
  kPgBpchar = 1042,
  kPgVarchar = 1043,
  kPgDate = 1082,
  kPgTimestamp = 1114,
  kPgTimestamptz = 1184,
  kPgNumeric = 1700,
  kPgUuid = 2950,
  kPgJsonb = 3802,
};

struct PgColumn {
  std::string name;
  uint32_t oid = 0;       // of its type; of a domain that of what it is made from
  int32_t modifier = -1;  // atttypmod
  uint32_t element = 0;   // of an array: the oid of what it holds
  bool is_generated = false;
  bool not_null = false;
  bool as_text = false;  // asked for as text, as the server writes it; the oid is that of text
  std::string sql_type;  // "numeric(10,2)": for casts
};

/// The columns of a table, in their order; empty where there is no table.
Result<std::vector<PgColumn>> ColumnsOf(PgConnection& connection, const std::string& table);
/// Those of the result of a query, which is not run.
Result<std::vector<PgColumn>> ColumnsOfQuery(PgConnection& connection, const std::string& query);

/// The type of its values here.
TypePtr TypeOfPgColumn(const PgColumn& column);
/// Values come as they are; the others as text, which the server is asked for.
bool IsNativePg(const PgColumn& column);

/// Asks for it as text where it is not native.
void ReadAsText(PgColumn* column);
/// What a SELECT says for it; `cast`: as its sql_type.
std::string PgSelectItem(const PgColumn& column, bool cast);

/// What CREATE TABLE says for a column of `type`.
std::string PgTypeOf(const arrow::DataType& type);
/// The column type that values of `type` are sent as where the table has none that takes them.
PgColumn PgColumnFor(const arrow::DataType& type);
/// The oid of the array type of a built-in one; 0: unknown.
uint32_t PgArrayOf(uint32_t element);

}  // namespace weir
