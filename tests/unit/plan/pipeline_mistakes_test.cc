// The reader of pipeline files says every mistake, at its place.
#include <gtest/gtest.h>

#include "unit/plan/graph_text.h"

namespace weir {
namespace {

using Lines = std::vector<std::string>;

void ExpectSaid(const std::string& text, const Lines& expected) {
  EXPECT_EQ(Said(*Read(text).diagnostics), expected) << text;
}

TEST(PipelineMistakes, UnknownAndAmbiguousReferences) {
  ExpectSaid(
      R"(pipeline:
  transforms:
  - {type: Create, name: Orders}
  - {type: Filter, input: Order}
  - {type: Partition, name: P, input: Nowhere.at.all}
  - {type: Print, name: P1, input: {a: Orders, b: Ordesr.x}}
  - {type: Print, name: P2, input: Print}
)",
      {"4:27 unknown step or input 'Order' [did you mean 'Orders'?]", "5:39 unknown step or input 'Nowhere.at.all'",
       "6:51 unknown step or input 'Ordesr.x' [did you mean 'Orders.x'?]",
       "7:36 'Print' is ambiguous [it could be 'P1' at line 6, 'P2' at line 7; give the steps names]"});
}

TEST(PipelineMistakes, NamesGivenTwiceAndSelfReference) {
  ExpectSaid(R"(pipeline:
  transforms:
  - {type: Create, name: A}
  - {type: Create, name: A}
  - {type: Filter, name: F, input: F}
)",
             {"4:26 the name 'A' is given twice [first at line 3]", "5:36 step 'F' takes itself as input"});
}

TEST(PipelineMistakes, CyclesNameTheirPath) {
  ExpectSaid(R"(pipeline:
  transforms:
  - {type: Create}
  - {type: Flatten, name: A, input: [Create, C]}
  - type: composite
    name: B
    input: A
    transforms: [{type: Filter, name: X, input: input}]
    output: X
  - {type: Filter, name: C, input: B}
)",
             {"4:46 steps form a cycle: 'A' → 'B/X' → 'C' → 'A'"});
}

TEST(PipelineMistakes, CompositesThatOnlyPassEachOtherOn) {
  ExpectSaid(R"(pipeline:
  transforms:
  - {type: composite, name: A, input: B, transforms: [{type: Create}], output: input}
  - {type: composite, name: B, input: A, transforms: [{type: Create}], output: input}
)",
             {"3:80 'input' refers to itself through composites that only hand on their input"});
}

TEST(PipelineMistakes, UnknownKeysEverywhere) {
  ExpectSaid(R"(pipeline:
  transfroms: []
  transforms:
  - {type: Create, elements: [1]}
  - {type: Filter, inptu: Create, config: {error_handling: {output: e, treshold: 1}}}
  - {type: composite, config: {}, transforms: [{type: Create}]}
  - {type: Create, name: X, transforms: []}
  - {typ: Create}
  - {type: Print, name: Y, input: Filter.e, stage: s}
pipelin: 1
schedule: hourly
)",
             {"2:3 unknown key 'transfroms' in the pipeline [did you mean 'transforms'?]",
              "4:20 unknown key 'elements' in a transform [the settings of a transform stand under 'config']",
              "5:20 unknown key 'inptu' in a transform [did you mean 'input'?]",
              "5:72 unknown key 'treshold' in error_handling [did you mean 'threshold'?]",
              "6:23 unknown key 'config' in a composite [a composite has no config; its transforms have]",
              "7:29 unknown key 'transforms' in a transform [only 'type: composite' and 'type: chain' have transforms, "
              "source and sink]",
              "8:6 a transform needs a 'type' [did you mean 'type' by 'typ'?]",
              "8:6 unknown key 'typ' in a transform [did you mean 'type'?]",
              "10:1 unknown key 'pipelin' in a pipeline file [did you mean 'pipeline'?]",
              "11:1 'schedule' of a pipeline file is not in this version"});
}

TEST(PipelineMistakes, ChainsHaveNoInputs) {
  ExpectSaid(R"(pipeline:
  type: chain
  transforms:
  - {type: Create}
  - {type: Filter, input: Create}
)",
             {"5:20 a step of a chain has no 'input': it takes the step before [use 'type: composite', or list the "
              "step under 'extra_transforms']"});
  ExpectSaid("pipeline: {type: chain, transforms: []}", {"1:37 there are no transforms"});
  ExpectSaid("pipeline: {type: chain, source: {type: Create}}",
             {"1:18 a chain needs 'transforms', or a 'source' and a 'sink'"});
}

TEST(PipelineMistakes, ErrorOutputsMustBeConsumed) {
  ExpectSaid(R"(pipeline:
  transforms:
  - {type: Create}
  - type: Filter
    input: Create
    config: {keep: a, error_handling: {output: bad}}
  - {type: Print, input: Filter}
  - {type: Filter, name: G, input: Create, config: {error_handling: {threshold: 2}}}
)",
             {"6:48 unconsumed error output: nothing takes 'Filter.bad' [name it as the input of a step or as an "
              "output of the composite, or leave out error_handling]",
              "8:69 error_handling needs an 'output', the name of the output that failing rows go to",
              "8:81 'threshold' is a share of failing rows from 0 to 1; this is '2'"});
}

TEST(PipelineMistakes, OutputsOfComposites) {
  ExpectSaid(R"(pipeline:
  transforms:
  - {type: composite, name: N, transforms: [{type: Create}]}
  - {type: composite, name: T, transforms: [{type: Create}], output: {left: Create, right: Create}}
  - {type: Print, name: a, input: N}
  - {type: Print, name: b, input: T}
  - {type: Print, name: c, input: T.lef}
  - {type: composite, name: I, transforms: [{type: Print, input: T.left}]}
)",
             {"5:35 composite 'N' has no output [give it 'output: STEP']",
              "6:35 composite 'T' has several outputs: 'left', 'right' [write 'T.left']",
              "7:35 composite 'T' has no output 'lef', only 'left', 'right' [did you mean 'left'?]",
              "8:66 unknown step or input 'T.left' in composite 'I' [steps outside of a composite are seen only "
              "through its 'input': add 'input: {T.left: T.left}']"});
}

TEST(PipelineMistakes, Windowing) {
  ExpectSaid(
      R"(pipeline:
  transforms:
  - {type: Create, name: A, windowing: {type: fixed}}
  - {type: Create, name: B, windowing: {type: fixed, size: 10 parsecs, perid: 3}}
  - {type: Create, name: C, windowing: {type: slidding, size: 1}}
  - {type: Create, name: D, windowing: {type: sliding, size: 0, period: 1s, accumulation: accumulate}}
  - {type: Create, name: E, windowing: fixed}
  - {type: WindowInto, input: A}
  - {type: Create, name: G, windowing: {type: global, trigger: {after_count: 0}}}
  - {type: Create, name: H, windowing: {type: global, trigger: {after_cout: 1}}}
)",
      {"3:47 fixed windows need a 'size'",
       "4:60 'size' is a duration like 10s, 500ms, 15m, 2h or 1d; this is '10 parsecs'",
       "4:72 unknown key 'perid' in windowing [known keys: type, allowed_lateness, accumulation, output_time, trigger, "
       "size, offset, timezone]",
       "5:47 unknown type of windows 'slidding'; there are global, fixed, sliding, sessions, calendar and "
       "count [did you mean 'sliding'?]",
       "6:62 'size' must be more than 0",
       "6:91 'accumulation' is discarding, accumulating or retracting; this is 'accumulate' [did you mean "
       "'accumulating'?]",
       "7:40 'windowing' is a mapping like {type: fixed, size: 60s}; this is a string",
       "8:12 WindowInto needs 'windowing' [for example {type: fixed, size: 1h}]",
       "9:78 'after_count' is an integer of at least 1; this is '0'",
       "10:65 unknown key 'after_cout' in trigger [did you mean 'after_count'?]"});
}

TEST(PipelineMistakes, ShapesOfTheFile) {
  ExpectSaid("[1, 2]", {"1:1 a pipeline file is a mapping with 'pipeline'; this is a list [put the list of transforms "
                        "under 'pipeline:']"});
  ExpectSaid("transforms: []",
             {"1:1 a pipeline file needs 'pipeline'",
              "1:1 unknown key 'transforms' in a pipeline file [a pipeline file begins with 'pipeline:']"});
  ExpectSaid("pipeline: 3",
             {"1:11 'pipeline' is a mapping with 'transforms', or a list of transforms; this is an integer"});
  ExpectSaid("pipeline: {transforms: {type: Create}}",
             {"1:24 expected a list of transforms; this is a mapping [begin each transform with '- ']"});
  ExpectSaid("pipeline: [Create, {type: 'null', name: ~, config: 3, input: 7.x}]",
             {"1:12 a transform is a mapping with a 'type'; this is a string", "1:41 'name' is a text; this is null",
              "1:52 'config' is a mapping; this is an integer", "1:62 unknown step or input '7.x'"});
  ExpectSaid("pipeline: {type: chian, transforms: [{type: Create}]}",
             {"1:18 the type of a pipeline is composite or chain; this is 'chian' [did you mean 'chain'?]"});
}

TEST(PipelineMistakes, LaterVersionsAreRefusedWithAPlace) {
  ExpectSaid(
      "pipeline:\n  transforms:\n  - type: {{ kind }}\n",
      {"3:11 Jinja templates ('{{') are not in this version [use 'params:' and ${param.NAME}; where the braces mean "
       "themselves, put a space between them]"});
  ExpectSaid(R"(pipeline: [{type: Create}]
providers:
- {type: yaml, transforms: {X: y}}
- {type: javaJar, config: {jar: x}}
- include: f.yaml
)",
             {"3:10 providers of type 'yaml' are not in this version [write the transforms where they are used, as a "
              "composite or a chain]",
              "4:10 providers of type 'javaJar' run foreign code, which Weir does not [see 'weir list' for the "
              "transforms that are built in]",
              "5:12 included providers are not in this version"});
}

}  // namespace
}  // namespace weir
