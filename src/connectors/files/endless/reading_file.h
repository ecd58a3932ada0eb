// ReadingFile: the rows of a snapshot's last reading in a file of the state folder, so that a later run knows what they
// were.
//
// file = Arrow IPC stream (LZ4) of the source's columns, pruned ones as nulls, and `count`: how often each row was
// there
#pragma once

#include <string>

#include "connectors/files/endless/row_multiset.h"
#include "env/env.h"

namespace weir {

/// Writes the last reading of `rows`, of `schema`, durably; the file appears whole or not.
Status WriteReading(Env& env, const std::string& path, const SchemaPtr& schema, const RowMultiset& rows);
/// Fills `rows`, which are empty. Errors: IOError, Invalid where the columns are others.
Status ReadReading(Env& env, const std::string& path, const SchemaPtr& schema, RowMultiset* rows);

}  // namespace weir
