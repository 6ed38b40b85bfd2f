import * as g from "@gradiente/autograd";

/** Operators of PyTorch that are not compared, each list with its reason. */
const byReason: Readonly<Record<string, string>> = {
  "complex numbers, and transforms to them, are not offered":
    "fft.fftshift fft.hfft fft.hfft2 fft.hfftn fft.ifftshift fft.irfft fft.irfft2 fft.irfftn stft istft fft.fft fft.fft2 fft.fftn fft.ifft fft.ifft2 fft.ifftn fft.ihfft fft.ihfft2 fft.ihfftn fft.rfft fft.rfft2 fft.rfftn complex imag polar view_as_complex view_as_real linalg.eig linalg.eigvals",
  "special functions that are not offered":
    "i0 igamma igammac special.airy_ai special.bessel_j0 special.bessel_j1 special.bessel_y0 special.bessel_y1 special.chebyshev_polynomial_t special.chebyshev_polynomial_u special.chebyshev_polynomial_v special.chebyshev_polynomial_w special.erfcx special.hermite_polynomial_h special.hermite_polynomial_he special.i0e special.i1 special.i1e special.laguerre_polynomial_l special.legendre_polynomial_p special.log_ndtr special.modified_bessel_i0 special.modified_bessel_i1 special.modified_bessel_k0 special.modified_bessel_k1 special.ndtri special.scaled_modified_bessel_k0 special.scaled_modified_bessel_k1 special.shifted_chebyshev_polynomial_t special.shifted_chebyshev_polynomial_u special.shifted_chebyshev_polynomial_v special.shifted_chebyshev_polynomial_w special.spherical_bessel_j0 special.zeta",
  "windows for the analysis of signals are not offered":
    "signal.windows.hamming signal.windows.hann signal.windows.bartlett signal.windows.blackman signal.windows.cosine signal.windows.exponential signal.windows.gaussian signal.windows.kaiser signal.windows.general_cosine signal.windows.general_hamming signal.windows.nuttall",
  "conversions to dtypes that PyTorch has and the package has not":
    "bfloat16 bool byte char double float half int long short cdouble cfloat chalf to",
  "random or uninitialised values":
    "bernoulli cauchy exponential geometric log_normal randint empty empty_like empty_strided empty_permuted multinomial new_empty new_empty_strided normal randint_like rand_like randn randn_like uniform nn.functional.rrelu nn.functional.fractional_max_pool2d nn.functional.fractional_max_pool3d nn.functional.multi_head_attention_forward svd_lowrank pca_lowrank",
  "functions of networks that are not offered":
    "nn.functional.embedding_bag nn.functional.grid_sample grid_sampler_2d grid_sampler_3d nn.functional.linear_cross_entropy nn.functional.ctc_loss nn.functional.triplet_margin_with_distance_loss _upsample_bilinear2d_aa",
  "operators that are not offered":
    "as_strided_scatter frexp gradient histogramdd mode nextafter segment_reduce _segment_reduce hash_tensor _chunk_cat broadcast_shapes gcd lcm tril_indices triu_indices unravel_index nonzero_static max_pool2d_with_indices_backward",
  "sparse and scaled low-precision formats, and kernels of other devices, are not offered":
    "sparse.mm sparse.sampled_addmm to_sparse torch._scaled_mm torch._scaled_mm_v2 torch.ops.aten._efficient_attention_forward torch.ops.aten._flash_attention_forward jiterator_2inputs_2outputs jiterator_4inputs_with_extra_args jiterator_binary jiterator_binary_return_by_ref jiterator_unary",
  "operators in place, which change what they are given": "resize_ resize_as_",
  "LU, LDL and packed factorisations are not offered":
    "geqrf ormqr linalg.householder_product linalg.ldl_factor linalg.ldl_factor_ex linalg.ldl_solve linalg.lu linalg.lu_factor linalg.lu_factor_ex linalg.lu_solve lu lu_solve lu_unpack",
};

/** The reason for each operator, or operator and variant. */
export const skipped: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(byReason).flatMap(([reason, names]) => names.split(" ").map((name) => [name, reason])),
);

/** Operators that PyTorch computes less exactly. */
export const lessExact: Readonly<Record<string, { readonly tolerance: number; readonly reason: string }>> = {
  "nn.functional.hardsigmoid": { tolerance: 1e-7, reason: "PyTorch's derivative is 1/6 rounded to float32" },
  cov: { tolerance: 1e-4, reason: "PyTorch's weights are float32" },
};

const triangle = (x: g.Tensor, { upper }: Record<string, unknown>): g.Tensor => (upper ? g.triu(x) : g.tril(x));

/** What of a gradient means anything: of matrices of which a triangle is read, a part. */
export const meaningfulPart: Readonly<
  Record<string, (gradient: g.Tensor, input: number, options: Record<string, unknown>) => g.Tensor>
> = {
  // PyTorch's rule takes for granted that both triangles agree, which the cases' do not.
  "linalg.pinv:hermitian": (x) => x.mul(0),
  cholesky_inverse: (x, _, options) => triangle(x, options),
  cholesky_solve: (x, input, options) => (input === 1 ? triangle(x, options) : x),
  // Ours are numbers.
  quantile: (x, input) => (input === 1 ? x.mul(0) : x),
  nanquantile: (x, input) => (input === 1 ? x.mul(0) : x),
};
