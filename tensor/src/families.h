// The families of ops: one list a file of ops/. An op that is in no list cannot be recorded (op.h);
// registry.cpp joins the lists into all_ops().
#pragma once
#include <downhill/tensor/formulas.h>
#include <downhill/tensor/op.h>

namespace downhill::detail {

using UnaryOps = OpList<op::Neg, op::Abs, op::Sign, op::Square, op::Sqrt, op::Exp, op::Log,
                        op::Tanh, op::Sigmoid, op::Relu, op::PowInt, op::PowReal, op::Clamp>;
using BinaryOps =
    OpList<op::Add, op::Sub, op::Mul, op::Div, op::Pow, op::Maximum, op::Minimum,
           op::WithNumber<op::Add>, op::WithNumber<op::Sub>, op::WithNumber<op::Sub, true>,
           op::WithNumber<op::Mul>, op::WithNumber<op::Div>, op::WithNumber<op::Div, true>>;
using CompareOps = OpList<op::Where, op::Lt, op::Le, op::Gt, op::Ge, op::Eq, op::Ne,
                          op::WithNumber<op::Lt>, op::WithNumber<op::Le>, op::WithNumber<op::Gt>,
                          op::WithNumber<op::Ge>, op::WithNumber<op::Eq>, op::WithNumber<op::Ne>>;
using CopyOps = OpList<op::Copy, op::Fill>;
using ProductOps = OpList<struct Matmul, struct Linear>;
using ViewOps =
    OpList<struct Permute, struct Reshape, struct Expand, struct SliceView, struct SliceScatter>;
using IndexOps =
    OpList<struct Index, struct IndexAdd, struct IndexPut, struct Gather, struct ScatterAdd>;
using CatOps = OpList<struct Cat>;
using MultiTensorOps = OpList<struct ElasticNet>;
using ReduceOps = OpList<struct Sum, struct Mean, struct SumTo, struct Amax, struct Amin,
                         struct MaxAlong, struct MinAlong, struct Aminmax, struct Argmax>;
using SoftmaxOps = OpList<struct LogSumExp, struct Softmax, struct LogSoftmax>;
using LossOps = OpList<struct CrossEntropy, struct MulticlassHinge>;

}  // namespace downhill::detail
