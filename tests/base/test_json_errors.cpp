#include <string>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/json.h"
#include "support/catch.h"

using namespace levin;

namespace {

struct Wrong {
  std::string text, message;
};

const Wrong table[] = {
    {"", "1:1: expected a value, got the end of the text"},
    {" \n // only a comment", "2:19: expected a value, got the end of the text"},
    {"{", "1:1: '{' is not closed; expected '}' before the end of the text"},
    {"{\"a\": [1,\n 2", "1:7: '[' is not closed; expected ']' before the end of the text"},
    {"[1,", "1:1: '[' is not closed; expected ']' before the end of the text"},
    {"[1,]", "1:3: a comma before ']'"},
    {"{\"a\": 1,\n}", "1:8: a comma before '}'"},
    {"[,1]", "1:2: expected a value, got ','"},
    {"[1 2]", "1:4: expected ',' or ']', got '2'"},
    {"[1}", "1:3: expected ',' or ']', got '}'"},
    {"{\"a\": 1 \"b\": 2}", "1:9: expected ',' or '}', got '\"'"},
    {"{\"a\" 1}", "1:6: expected ':' after the key 'a', got '1'"},
    {"{\"a\"}", "1:5: expected ':' after the key 'a', got '}'"},
    {"{\"a\":}", "1:6: expected a value, got '}'"},
    {"{\"a\":", "1:6: expected a value, got the end of the text"},
    {"{a: 1}", "1:2: expected a key in double quotes, got 'a'"},
    {"{'a': 1}", "1:2: keys stand in double quotes"},
    {"{1: 1}", "1:2: expected a key in double quotes, got '1'"},
    {"['a']", "1:2: strings stand in double quotes"},
    {"{\n  \"lr\": 1,\n  \"x\": 2,\n  \"lr\": 3\n}", "4:3: the key 'lr' is given twice; first at 2:3"},
    {"{\"a\": {\"b\": 1, \"\\u0062\": 2}}", "1:16: the key 'b' is given twice; first at 1:8"},
    {"NaN", "1:1: JSON has no NaN; write null or a finite number"},
    {"[nan]", "1:2: JSON has no nan; write null or a finite number"},
    {"[1,\n Infinity]", "2:2: JSON has no Infinity; write null or a finite number"},
    {"-Infinity", "1:1: JSON has no -Infinity; write null or a finite number"},
    {"True", "1:1: JSON writes true, not True"},
    {"[False]", "1:2: JSON writes false, not False"},
    {"{\"a\": None}", "1:7: JSON writes null, not None"},
    {"nul", "1:1: expected a value, got 'nul'"},
    {"truex", "1:1: expected a value, got 'truex'"},
    {"01", "1:1: a number has no leading zero"},
    {"-012", "1:1: a number has no leading zero"},
    {"+1", "1:1: a number has no '+' in front"},
    {".5", "1:1: a number starts with a digit: 0.5, not .5"},
    {"-", "1:1: a number wants a digit after '-', got the end of the text"},
    {"-.5", "1:1: a number wants a digit after '-', got '.'"},
    {"[1.]", "1:2: a number wants a digit after '.', got ']'"},
    {"1e", "1:1: a number wants a digit in its exponent, got the end of the text"},
    {"1e+x", "1:1: a number wants a digit in its exponent, got 'x'"},
    {"0x1F", "1:1: not a number: '0x1F'"},
    {"1_000", "1:1: not a number: '1_000'"},
    {"1.2.3", "1:1: not a number: '1.2.'"},
    {"[9223372036854775808]", "1:2: the integer 9223372036854775808 does not fit into 64 bits"},
    {"-9223372036854775809", "1:1: the integer -9223372036854775809 does not fit into 64 bits"},
    {"1e999", "1:1: the number 1e999 is beyond the range of a float"},
    {"\"abc", "1:1: the string is not closed; expected '\"'"},
    {"\"abc\\", "1:5: the string is not closed; expected '\"'"},
    {"[\"abc\n\"]", "1:6: the line ends inside a string; write \\n, or close the string"},
    {"\"a\tb\"", "1:3: a control character inside a string; write it as \\t"},
    {std::string("\"a\0b\"", 5), "1:3: a control character inside a string; write it as \\u0000"},
    {"\"\x1f\"", "1:2: a control character inside a string; write it as \\u001f"},
    {"\"a\\x41\"", "1:3: unknown escape '\\x' in a string"},
    {"\"\\é\"", "1:2: unknown escape '\\é' in a string"},
    {"\"\\u12g4\"", "1:2: \\u wants four hexadecimal digits"},
    {"\"\\u-123\"", "1:2: \\u wants four hexadecimal digits"},
    {"\"\\u12", "1:2: \\u wants four hexadecimal digits"},
    {"\"x\\ud800\"", "1:3: the first half of a surrogate pair without the second"},
    {"\"\\ud800\\u0041\"", "1:2: the first half of a surrogate pair without the second"},
    {"\"\\udc00\"", "1:2: the second half of a surrogate pair without the first"},
    {"[1] 2", "1:5: expected nothing after the value, got '2'"},
    {"{}\n}", "2:1: expected nothing after the value, got '}'"},
    {"1 /* open", "1:3: the comment is not closed; expected */"},
    {"[1, / 2]", "1:5: expected a comment (// or /*) after '/'"},
    {"# yaml", "1:1: expected a value, got '#'"},
    {"{\"é😀\": x}", "1:8: expected a value, got 'x'"},
    {"[\"é\", \"\xff\"]", "1:8: the text is not UTF-8 here"},
    {"\"\xc0\xaf\"", "1:2: the text is not UTF-8 here"},
    {"\"\xed\xa0\x80\"", "1:2: the text is not UTF-8 here"},
    {"// \xe2\x82", "1:4: the text is not UTF-8 here"},
    {"\xEF\xBB\xBF{}", "1:1: the text starts with a byte order mark; save it as UTF-8 without one"},
    {"\r\n\r\n  x", "3:3: expected a value, got 'x'"},
    {std::string(65, '['), "1:65: nested deeper than 64 levels"},
};

}  // namespace

TEST_CASE("wrong JSON is refused with line, column and reason") {
  for (const auto& [text, message] : table) {
    INFO(text);
    CHECK_THROWS_AS(parse_json(text, "configs/digits.json"), ValueError);
    CHECK_THROWS_WITH(parse_json(text, "configs/digits.json"), "configs/digits.json:" + message);
  }
}

TEST_CASE("deep nesting is refused before the stack ends") {
  std::string text;
  for (int i = 0; i < 1'000'000; ++i) text += "{\"a\":[";
  CHECK_THROWS_WITH(parse_json(text, "x"), "x:1:193: nested deeper than 64 levels");
}

TEST_CASE("more than 16 MiB are refused") {
  const std::string largest = "1" + std::string((16u << 20) - 1, ' ');
  CHECK(parse_json(largest, "x") == Value(1));
  CHECK_THROWS_WITH(parse_json(largest + " ", "x"), "x:1:1: the text is longer than 16 MiB");
}
