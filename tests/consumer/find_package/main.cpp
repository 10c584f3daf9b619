#include <downhill/downhill.h>
using namespace downhill;
namespace F = nn::functional;

struct TwoLayerNet : nn::Module {
  nn::Linear fc1, fc2;                                            // handles, as in libtorch: fc1->weight, fc1(x)
  TwoLayerNet(int64_t in, int64_t hidden, int64_t classes)
      : fc1(register_module("fc1", nn::Linear(in, hidden))), fc2(register_module("fc2", nn::Linear(hidden, classes))) {}
  Tensor forward(const Tensor& x) { return fc2(relu(fc1(x))); }
};

int main() {
  manual_seed(231);
  auto train = data::fashion_mnist({.train = true});              // a data::TensorDataset; .data [60000, 784] float32 in [0, 1], .target [60000] int64
  auto loader = data::DataLoader(train, {.batch_size = 128, .shuffle = true});
  TwoLayerNet net(784, 128, 10);
  optim::AdamW optimizer(net.parameters(), {.lr = 1e-3, .weight_decay = 1e-2});
  optim::LinearLR warmup(optimizer, {.start_factor = 0.01, .total_iters = 100});
  optim::CosineAnnealingLR cosine(optimizer, {.T_max = 2245});
  optim::SequentialLR schedule(optimizer, {warmup, cosine}, {.milestones = {100}});   // 469 steps an epoch, 5 epochs
  for (int epoch = 0; epoch < 5; ++epoch)
    for (auto [x, y] : loader) {
      optimizer.zero_grad();                                      // drops the gradients (set_to_none)
      Tensor loss = F::cross_entropy(net.forward(x), y) + 1e-4 * nn::l2_penalty(net.parameters());
      loss.backward();
      nn::utils::clip_grad_norm_(net.parameters(), 1.0);
      optimizer.step();
      schedule.step();
    }
  save(net.state_dict(), "net.safetensors");
}
