#include <iostream>

#include <downhill/downhill.h>
using namespace downhill;

int main() {
  Tensor x = linspace(-1, 1, 5, requires_grad());
  Tensor y = elementwise([](auto a) { return tanh(a) * exp(-a * a); }, x);
  y.sum().backward();
  std::cout << y << '\n' << x.grad() << '\n';
}
