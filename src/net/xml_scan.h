// Reading the small XML answers of cloud services: elements by name, without attributes' meaning, DTDs or namespaces.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weir {

/// What stands between `<tag>` and `</tag>`, the first one at or behind `*from`, which moves behind it; elements of the
/// same name must not be nested. nullopt where there is none.
std::optional<std::string_view> NextXmlElement(std::string_view xml, std::string_view tag, size_t* from);

/// The text of the first element `tag`, with &amp; and its like resolved; empty where there is none.
std::string XmlText(std::string_view xml, std::string_view tag);

/// `text` with what XML gives a meaning escaped.
std::string XmlEscape(std::string_view text);

}  // namespace weir
