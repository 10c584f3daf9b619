#include <doctest/doctest.h>

#include <downhill/autograd/backward.h>
#include <downhill/tensor.h>

using namespace downhill;

namespace {

Tensor counting(const Shape& size) {
  std::int64_t n = 1;
  for (std::int64_t s : size) n *= s;
  return arange(n, kFloat64).reshape(size);
}

std::vector<double> values(const Tensor& x) {
  const Tensor d = x.detach().to(kFloat64).contiguous();
  return {d.data_ptr<double>(), d.data_ptr<double>() + d.numel()};
}
using V = std::vector<double>;

// Of the sum of y's elements weighted 1, 2, 3 ...
Tensor gradient(const Tensor& y, const Tensor& x) {
  return autograd::grad({y}, {x}, {counting(y.sizes()) + 1}, true)[0];
}

}  // namespace

TEST_CASE("integers, slices, None and the ellipsis give views") {
  const Tensor x = counting({2, 3, 4});
  CHECK(values(x.index({1, -1})) == V{20, 21, 22, 23});
  CHECK(values(x.index({"...", 1})) == values(x.select(2, 1)));
  CHECK(values(x.index({0, Slice(None, None, 2), Slice(-2)})) == V{2, 3, 10, 11});
  CHECK(x.index({None, "...", None}).sizes() == Shape{1, 2, 3, 4, 1});
  CHECK(x.index({Slice(), None, 0}).sizes() == Shape{2, 1, 4});
  CHECK(x.index({"..."}).data_ptr() == x.data_ptr());
  CHECK(!x.index({"..."}).is_same(x));
}

TEST_CASE("a 0-d int64 tensor indexes as an integer does") {
  const Tensor x = counting({2, 3});
  CHECK(x.index({tensor(1)}).data_ptr() == x[1].data_ptr());
  CHECK_THROWS_AS(x.index({tensor(2)}), IndexError);
}

TEST_CASE("an index tensor picks along its dimension, negative values from the back") {
  const Tensor x = counting({3, 2}), i = tensor({{2, 0}, {-1, -3}});
  CHECK(x.index({i}).sizes() == Shape{2, 2, 2});
  CHECK(values(x.index({i})) == V{4, 5, 0, 1, 4, 5, 0, 1});
  CHECK(values(x.index({Slice(), tensor({1, 1, -2})})) == V{1, 1, 0, 3, 3, 2, 5, 5, 4});
  CHECK(values(x.t().index({"...", tensor({2, 0})})) == V{4, 0, 5, 1});
  CHECK(values(i) == V{2, 0, -1, -3});
}

TEST_CASE("several index tensors broadcast together") {
  const Tensor x = counting({3, 4}), rows = tensor({{0}, {2}}), columns = tensor({3, 0, -1});
  CHECK(values(x.index({rows, columns})) == V{3, 0, 3, 11, 8, 11});
  CHECK(values(x.index({arange(3), tensor({1, 0, 3})})) == V{1, 4, 11});
  CHECK_THROWS_AS(x.index({tensor({0, 1}), columns}), Error);
}

TEST_CASE("adjacent index tensors keep their place, separated ones go to the front") {
  const Tensor x = counting({2, 3, 4, 5}), i = tensor({1, 0}), j = tensor({2, 0});
  const Tensor together = x.index({Slice(), i, j}), apart = x.index({Slice(), i, Slice(), j});
  CHECK(together.sizes() == Shape{2, 2, 5});
  CHECK(values(together[1][0]) == values(x[1][1][2]));
  CHECK(apart.sizes() == Shape{2, 2, 4});
  CHECK(values(apart[0][1]) == values(x.index({1, 1, Slice(), 2})));
  CHECK(x.index({i, None, j}).sizes() == Shape{2, 1, 4, 5});
  CHECK(x.index({0, Slice(), i}).sizes() == Shape{3, 2, 5});
}

TEST_CASE("a mask picks where it is true") {
  const Tensor x = counting({2, 3});
  CHECK(values(x.index({x > 2.5})) == V{3, 4, 5});
  CHECK(values(x.index({tensor({false, true})})) == V{3, 4, 5});
  CHECK(values(x.index({Slice(), tensor({true, false, true})})) == V{0, 2, 3, 5});
  CHECK(values(x.t().index({x.t() > 2.5})) == V{3, 4, 5});
  CHECK(x.index({x > 9}).sizes() == Shape{0});
}

TEST_CASE("a mask of two dimensions stands for both of them") {
  const Tensor x = counting({2, 2, 3}), mask = tensor({{false, true}, {true, false}});
  CHECK(values(x.index({mask, Slice(1)})) == V{4, 5, 7, 8});
  CHECK(values(x.index({mask, tensor({2, 0})})) == V{5, 6});
  CHECK(values(x.index({"...", 0}).index({mask})) == V{3, 6});
}

TEST_CASE("true adds a dimension of size 1, false one of size 0") {
  const Tensor x = counting({2, 3});
  CHECK(x.index({true}).sizes() == Shape{1, 2, 3});
  CHECK(x.index({false}).sizes() == Shape{0, 2, 3});
  CHECK(zeros({}).index({tensor(true)}).sizes() == Shape{1});
}

TEST_CASE("indices out of range name the value, the dimension as written and its size") {
  const Tensor x = counting({2, 3});
  CHECK_THROWS_WITH_AS(x.index({None, 1, tensor({0, -4})}),
                       "index: index -4 is out of range for dimension 1 of size 3", IndexError);
  CHECK_THROWS_AS(x.index({0, 0, 0}), IndexError);
  CHECK_THROWS_AS(x.index({zeros({2}, kInt32)}), IndexError);
  CHECK_THROWS_AS(TensorIndex(".."), Error);
}

TEST_CASE("the gradient of an index adds up where positions repeat") {
  const Tensor x = counting({3, 2}).requires_grad_();
  CHECK(values(gradient(x.index({tensor({2, 0, 2})}), x)) == V{3, 4, 0, 0, 6, 8});
  CHECK(values(gradient(x.index({x > 3.5}), x)) == V{0, 0, 0, 0, 1, 2});
  CHECK(values(gradient(x.t().index({Slice(), tensor({-1, -1})}), x)) == V{0, 0, 0, 0, 3, 7});
}

TEST_CASE("changing a saved index between forward and backward is noticed") {
  const Tensor x = counting({3}).requires_grad_();
  Tensor i = tensor({2, 0});
  const Tensor picked = x.index_select(0, i), gathered = x.gather(0, i);
  i.fill_(1);
  CHECK_THROWS_AS(picked.sum().backward(), Error);
  CHECK_THROWS_AS(gathered.sum().backward(), Error);
}

TEST_CASE("indexing constants records and saves nothing") {
  const Tensor x = counting({3, 2}), i = tensor({{0}, {1}, {0}});
  const std::int64_t nodes = memory_stats().live_nodes, tensors = memory_stats().live_tensors;
  const Tensor a = x.index({i}), b = x.gather(1, i), c = cat({x, x});
  CHECK(memory_stats().live_nodes == nodes);
  CHECK(memory_stats().live_tensors == tensors + 3);
}

TEST_CASE("index_select copies whole rows, columns or blocks, of every dtype") {
  for (DType t : {kBool, kUInt8, kInt32, kInt64, kFloat32, kFloat64}) {
    const Tensor x = (counting({4, 3}) > 4.5).to(t), i = tensor({3, 0, 3});
    CHECK(values(x.index_select(0, i)) == values(cat({x[3], x[0], x[3]})));
    CHECK(x.index_select(0, i).dtype() == t);
    CHECK(values(x.t().index_select(-1, i)) == values(x.index_select(0, i).t()));
  }
  CHECK(counting({2, 3, 4}).index_select(1, tensor(2)).sizes() == Shape{2, 1, 4});
  CHECK(tensor(5.0).index_select(0, tensor({0})).dim() == 0);
  CHECK_THROWS_AS(counting({3}).index_select(0, tensor({-1})), IndexError);
}

TEST_CASE("picking many rows has every one in its place") {
  const Tensor x = counting({1000, 300}), i = arange(999, -1, -1);
  const Tensor back = x.index_select(0, i);
  CHECK(values(back.index_select(0, i)) == values(x));
  CHECK(values(back[0]) == values(x[999]));
}

TEST_CASE("index_put_ writes what index reads") {
  Tensor x = zeros({3, 4});
  x.index_put_({tensor({2, 0})}, tensor({{1.0}, {2.0}}));
  CHECK(values(x) == V{2, 2, 2, 2, 0, 0, 0, 0, 1, 1, 1, 1});
  x.index_put_({x == 0}, 7);
  CHECK(values(x[1]) == V{7, 7, 7, 7});
  x.index_put_({"...", Slice(1, None, 2)}, tensor({3, 4}));
  CHECK(values(x) == V{2, 3, 2, 4, 7, 3, 7, 4, 1, 3, 1, 4});
  x.index_put_({arange(3), tensor({0, 1, -1})}, arange(3));
  CHECK(values(x) == V{0, 3, 2, 4, 7, 1, 7, 4, 1, 3, 1, 2});
  x.t().index_put_({0}, ones({1, 3}));
  CHECK(values(x.select(1, 0)) == V{1, 1, 1});
}

TEST_CASE("of several values for one place the last stays") {
  Tensor x = zeros({2});
  x.index_put_({tensor({1, 1, 1})}, tensor({5, 6, 7}));
  CHECK(values(x) == V{0, 7});
}

TEST_CASE("index_put_ reads values that overlap what it writes before it writes") {
  Tensor x = counting({4});
  x.index_put_({tensor({1, 2, 3})}, x.narrow(0, 0, 3));
  CHECK(values(x) == V{0, 0, 1, 2});
}

TEST_CASE("index_put_ refuses values that do not fit and leaves the tensor alone") {
  Tensor x = counting({2, 3});
  CHECK_THROWS_WITH(x.index_put_({tensor({0, 1})}, zeros({4})),
                    "index_put_: values of shape [4] do not fit into shape [2, 3]");
  CHECK_THROWS_AS(x.index_put_({tensor({0, 2})}, 9), IndexError);
  CHECK_THROWS_AS(x[0].expand({2, 3}).index_put_({0}, 1), Error);
  CHECK(values(x) == V{0, 1, 2, 3, 4, 5});
}

TEST_CASE("the gradient of index_put_ goes to the values at the positions, to self elsewhere") {
  const Tensor x = counting({4}).requires_grad_(), v = counting({2}).requires_grad_();
  Tensor y = x * 1;
  y.index_put_({tensor({3, 0})}, v);
  CHECK(values(gradient(y, x)) == V{0, 2, 3, 0});
  CHECK(values(gradient(y, v)) == V{4, 1});
}

TEST_CASE("values that another value replaced have gradient zero") {
  const Tensor v = counting({3}).requires_grad_();
  Tensor y = zeros({2}, kFloat64);
  y.index_put_({tensor({1, 0, 1})}, v);
  CHECK(values(gradient(y, v)) == V{0, 1, 2});
}

TEST_CASE("index_put_ of a slice and of one value for many is recorded too") {
  const Tensor v = tensor(2.0, requires_grad());
  Tensor y = zeros({2, 3});
  y.index_put_({"...", Slice(1)}, v * v);
  CHECK(values(y) == V{0, 4, 4, 0, 4, 4});
  CHECK(gradient(y.to(kFloat64), v).item() == 4 * (2 + 3 + 5 + 6));
}

TEST_CASE("index_put_ refuses leaves and recorded views while recording") {
  Tensor leaf = zeros({2, 2}, requires_grad());
  CHECK_THROWS_AS(leaf.index_put_({0}, 1), Error);
  Tensor part = (leaf * 1)[0];
  CHECK_THROWS_AS(part.index_put_({tensor({0})}, 1), Error);
  NoGradGuard guard;
  leaf.index_put_({tensor({0})}, 1);
  CHECK(values(leaf) == V{1, 1, 0, 0});
}

TEST_CASE("index_put_ on a value that backward needs is noticed") {
  const Tensor x = counting({3}).requires_grad_();
  Tensor y = x * 2;
  const Tensor z = y * y;
  y.index_put_({tensor({0})}, 5);
  CHECK_THROWS_AS(z.sum().backward(), Error);
}

TEST_CASE("gather picks one element of the line for every element of the index") {
  const Tensor x = counting({2, 3});
  CHECK(values(x.gather(1, tensor({{2, 2}, {0, 1}}))) == V{2, 2, 3, 4});
  CHECK(values(x.gather(0, tensor({{1, 0}}))) == V{3, 1});
  CHECK(values(x.t().gather(-2, tensor({{2, 0}}))) == V{2, 3});
  CHECK(counting({3}).gather(0, tensor(1)).dim() == 0);
}

TEST_CASE("scatter_add adds where gather reads") {
  const Tensor x = ones({2, 3}, kFloat64), i = tensor({{2, 2}, {0, 1}});
  CHECK(values(scatter_add(x, 1, i, counting({2, 2}))) == V{1, 1, 2, 3, 4, 1});
  CHECK(values(scatter_add(x, 0, tensor({{1, 0, 1}}), counting({2, 3}))) == V{1, 2, 1, 1, 1, 3});
  CHECK(values(x) == V{1, 1, 1, 1, 1, 1});
  CHECK_THROWS_AS(scatter_add(x, 1, i, ones({2, 2})), Error);
}

TEST_CASE("gather and scatter_add are each other's gradient") {
  const Tensor x = counting({2, 3}).requires_grad_(), s = counting({2, 3}).requires_grad_();
  const Tensor i = tensor({{2, 2}, {0, 1}});
  CHECK(values(gradient(x.gather(1, i), x)) == V{0, 0, 3, 3, 4, 0});
  const Tensor y = scatter_add(x, 1, i, s);
  CHECK(values(gradient(y, x)) == V{1, 2, 3, 4, 5, 6});
  CHECK(values(gradient(y, s)) == V{3, 3, 0, 4, 5, 0});
}
