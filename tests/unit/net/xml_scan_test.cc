// Elements and entities of the answers of cloud services.
#include "net/xml_scan.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(XmlScan, FindsElementsOneAfterTheOther) {
  const std::string xml =
      R"(<?xml version="1.0"?><L xmlns="x"><KeyCount>2</KeyCount><Key>a</Key><Key>b</Key><Key/></L>)";
  size_t from = 0;
  EXPECT_EQ(NextXmlElement(xml, "Key", &from), "a");
  EXPECT_EQ(NextXmlElement(xml, "Key", &from), "b");
  EXPECT_EQ(NextXmlElement(xml, "Key", &from), "");
  EXPECT_EQ(NextXmlElement(xml, "Key", &from), std::nullopt);
  EXPECT_EQ(XmlText(xml, "KeyCount"), "2");
  EXPECT_EQ(XmlText(xml, "Nothing"), "");
}

TEST(XmlScan, ResolvesEntities) {
  EXPECT_EQ(XmlText("<a>&lt;&amp;&gt;&quot;&apos;&#38;&#xe9;&#x1F600;</a>", "a"), "<&>\"'&é😀");
  EXPECT_EQ(XmlText("<a>&nothing; & &#0; &#x110000;</a>", "a"), "&nothing; & &#0; &#x110000;");
  EXPECT_EQ(XmlText("<a>" + XmlEscape("<&>\"x") + "</a>", "a"), "<&>\"x");
}

TEST(XmlScan, TakesWhatIsCutForNothing) {
  for (const std::string xml : {"", "<", "<a", "<a>", "<a>x", "<a>x</a", "<a/"}) {
    size_t from = 0;
    EXPECT_EQ(NextXmlElement(xml, "a", &from), std::nullopt) << xml;
  }
}

}  // namespace
}  // namespace weir
