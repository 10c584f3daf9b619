// Module and Handle: registering, looking, checkpoints, printing.
#include <doctest/doctest.h>
#include <downhill/downhill.h>

#include <sstream>

using namespace downhill;

namespace {

struct Net : nn::Module {
  nn::Linear fc1, fc2;
  Tensor scale, count;
  Net()
      : fc1(register_module("fc1", nn::Linear(2, 3))),
        fc2(register_module("fc2", nn::Linear(3, 1, {.bias = false}))) {
    scale = register_parameter("scale", ones({1}));
    count = register_buffer("count", zeros({}));
  }
  Tensor forward(const Tensor& x) { return fc2(relu(fc1(x))) * scale; }
};

struct TwiceImpl : nn::Module {
  explicit TwiceImpl(double by) : by(by) {}
  Tensor forward(const Tensor& x) const { return x * by; }
  double by;
};
struct Twice : nn::Handle<TwiceImpl> {
  using Handle::Handle;
  explicit Twice(double by) : Handle(std::make_shared<TwiceImpl>(by)) {}
};

std::vector<std::string> names_of(const nn::NamedTensors& list) {
  std::vector<std::string> names;
  for (const auto& [name, value] : list) names.push_back(name);
  return names;
}

std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& e) { return e.what(); }
  return "";
}

bool equal(const Tensor& a, const Tensor& b) {
  return (a.detach() != b.detach()).to(kInt64).sum().item() == 0;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("parameters and buffers are named by their path") {
  const Net net;
  CHECK(names_of(net.named_parameters()) == Names{"scale", "fc1.weight", "fc1.bias", "fc2.weight"});
  CHECK(names_of(net.named_buffers()) == Names{"count"});
  CHECK(net.num_parameters() == 1 + 6 + 3 + 3);
  CHECK(net.parameters()[1].is_same(net.fc1->weight));
  CHECK(net.parameters()[1].requires_grad());
  CHECK(!net.count.requires_grad());
}

TEST_CASE("parameters() is kept, and follows what is registered further down") {
  nn::Sequential inner(nn::Linear(2, 2));
  nn::Sequential outer(inner);
  struct Holder : nn::Module {
    explicit Holder(const nn::Sequential& s) { register_module("s", s); }
  } holder(inner);
  const std::vector<Tensor>* list = &holder.parameters();
  CHECK(list->size() == 2);
  CHECK(&holder.parameters() == list);
  inner->push_back(nn::Linear(2, 2));
  CHECK(holder.parameters().size() == 4);
}

TEST_CASE("a parameter that is registered in two places is listed once") {
  const nn::Linear shared(2, 2);
  const nn::Sequential net(shared, nn::ReLU(), shared);
  CHECK(net->parameters().size() == 2);
  CHECK(net->modules().size() == 3);
}

TEST_CASE("assigning over a registered member is an error and changes nothing") {
  Net net;
  const nn::Linear other(2, 3);
  CHECK(error_of([&] { net.fc1 = other; }).find("use replace_module") != std::string::npos);
  CHECK(!net.fc1->weight.is_same(other->weight));
  net.fc1 = net.replace_module("fc1", other);
  CHECK(net.fc1->weight.is_same(other->weight));
  CHECK(net.parameters()[1].is_same(other->weight));
}

TEST_CASE("a handle may be filled later, and after its owner is gone") {
  nn::Linear late{nullptr};
  CHECK(!late);
  CHECK_THROWS_AS(late(ones({1, 2})), Error);
  {
    Net net;
    late = net.fc1;
  }
  late = nn::Linear(4, 5);
  CHECK(late->in_features == 4);
}

TEST_CASE("train and eval reach every module below") {
  nn::Sequential net(nn::Dropout(0.5), nn::Sequential(nn::Dropout(0.5)));
  net->eval();
  for (nn::Module* m : net->modules()) CHECK(!m->is_training());
  net->train();
  for (nn::Module* m : net->modules()) CHECK(m->is_training());
}

TEST_CASE("to(dtype) converts parameters in place, gradients and buffers too") {
  Net net;
  const Tensor weight = net.fc1->weight;
  optim::SGD sgd(net.parameters(), {.lr = 1});
  net.forward(ones({1, 2})).sum().backward();
  net.to(kFloat64);
  CHECK(weight.dtype() == kFloat64);
  CHECK(weight.grad().dtype() == kFloat64);
  CHECK(net.count.dtype() == kFloat64);
  sgd.zero_grad();
  net.forward(ones({1, 2}, kFloat64)).sum().backward();
  CHECK_NOTHROW(sgd.step());
}

TEST_CASE("apply visits children before their parent and as() tells kinds apart") {
  Net net;
  Names seen;
  net.apply([&](nn::Module& m) {
    seen.push_back(m.name());
    if (auto* linear = m.as<nn::Linear>()) nn::init::constant_(linear->weight, 0.5);
  });
  CHECK(seen == Names{"Linear", "Linear", "Net"});
  CHECK(net.fc1->weight.detach().sum().item() == 3);
}

TEST_CASE("zero_grad drops gradients") {
  Net net;
  net.forward(ones({1, 2})).sum().backward();
  CHECK(net.scale.grad().defined());
  net.zero_grad();
  for (const Tensor& p : net.parameters()) CHECK(!p.grad().defined());
}

TEST_CASE("a state dict brings another network to the same values") {
  Net a, b;
  a.count.fill_(7);
  b.load_state_dict(a.state_dict());
  for (std::size_t i = 0; i < a.parameters().size(); ++i)
    CHECK(equal(a.parameters()[i], b.parameters()[i]));
  CHECK(b.count.item() == 7);
  CHECK(b.fc1->weight.requires_grad());
  CHECK(!b.fc1->weight.is_same(a.fc1->weight));
}

TEST_CASE("a state that does not fit is refused with all that is wrong, before anything changes") {
  Net net;
  const Tensor before = net.fc1->weight.detach().clone();
  StateDict state;
  state.insert("fc1.weight", zeros({3, 2}));
  state.insert("fc1.bias", zeros({4}));
  state.insert("extra", zeros({1}));
  const std::string what = error_of([&] { net.load_state_dict(state); });
  CHECK(what.find("Net") != std::string::npos);
  CHECK(what.find("other shape: fc1.bias is [3], got [4]") != std::string::npos);
  CHECK(what.find("missing: scale, count, fc2.weight") != std::string::npos);
  CHECK(what.find("unexpected: extra") != std::string::npos);
  CHECK(equal(net.fc1->weight, before));
}

TEST_CASE("loading without strict reports what it left out") {
  Net net;
  StateDict state;
  state.insert("fc1.bias", ones({3}, kFloat64));
  state.insert("extra", zeros({1}));
  const nn::IncompatibleKeys keys = net.load_state_dict(state, false);
  CHECK(keys.missing == Names{"scale", "count", "fc1.weight", "fc2.weight"});
  CHECK(keys.unexpected == Names{"extra"});
  CHECK(net.fc1->bias.detach().sum().item() == 3);
  CHECK(net.fc1->bias.dtype() == kFloat32);
}

TEST_CASE("modules print as in PyTorch") {
  const nn::Sequential net(nn::Linear(784, 128), nn::ReLU(), nn::Sequential(nn::Dropout(0.25)));
  const std::string text =
      "Sequential(\n"
      "  (0): Linear(in_features=784, out_features=128, bias=True)\n"
      "  (1): ReLU()\n"
      "  (2): Sequential(\n"
      "    (0): Dropout(p=0.25)\n"
      "  )\n"
      ")";
  CHECK(fmt::format("{}", net) == text);
  std::ostringstream out;
  out << net;
  CHECK(out.str() == text);
  CHECK(fmt::format("{}", Net()).starts_with("Net(\n  (fc1): Linear("));
}

TEST_CASE("a module of one's own fits into Sequential") {
  const nn::Sequential net{Twice(3), Twice(5)};
  CHECK(net(ones({1})).item() == 15);
  CHECK(net[1].as<Twice>()->by == 5);
  CHECK(net.size() == 2);
  CHECK(fmt::format("{}", Twice(1)) == "Twice()");
}
