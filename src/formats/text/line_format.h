// Plain text: one row of one text column per line.
#pragma once

#include <vector>

#include "batch/batch.h"
#include "formats/text/text_block.h"
#include "formats/text/text_output.h"

namespace weir {

/// {line: string}
const SchemaPtr& LineSchema();

/// The lines of `block`, without their ends ("\n" or "\r\n"); empty lines are rows too. Lines that are no UTF-8 go to
/// `errors`. Thread-safe.
Result<Batch> ParseLines(const TextBlock& block, std::vector<RecordError>* errors);

/// Appends each value of `column` and a line break; null is an empty line, what is not text is written as JSON has it,
/// without quotes.
/// Invalid when a value holds a line break: it would come back as two lines.
Status WriteLines(const ArrayDataPtr& column, TextOutput* out);

}  // namespace weir
