/** Operators of PyTorch that are not compared, each list with its reason. */
const byReason: Readonly<Record<string, string>> = {
  "Fourier transforms and complex numbers are not offered":
    "fft.fftshift fft.hfft fft.hfft2 fft.hfftn fft.ifftshift fft.irfft fft.irfft2 fft.irfftn stft istft",
  "special functions beyond those of the package":
    "i0 igamma igammac mvlgamma polygamma special.airy_ai special.bessel_j0 special.bessel_j1 special.bessel_y0 special.bessel_y1 special.chebyshev_polynomial_t special.chebyshev_polynomial_u special.chebyshev_polynomial_v special.chebyshev_polynomial_w special.entr special.erfcx special.hermite_polynomial_h special.hermite_polynomial_he special.i0e special.i1 special.i1e special.laguerre_polynomial_l special.legendre_polynomial_p special.log_ndtr special.modified_bessel_i0 special.modified_bessel_i1 special.modified_bessel_k0 special.modified_bessel_k1 special.ndtr special.ndtri special.polygamma special.scaled_modified_bessel_k0 special.scaled_modified_bessel_k1 special.shifted_chebyshev_polynomial_t special.shifted_chebyshev_polynomial_u special.shifted_chebyshev_polynomial_v special.shifted_chebyshev_polynomial_w special.spherical_bessel_j0 special.xlog1py special.zeta",
  "masked reductions are where() and a reduction":
    "masked.amax masked.amin masked.argmax masked.argmin masked.cumprod masked.cumsum masked.log_softmax masked.logaddexp masked.logsumexp masked.mean masked.median masked.norm masked.normalize masked.prod masked.softmax masked.softmin masked.std masked.sum masked.var",
  "dtypes that PyTorch has and the package has not, or plain conversions":
    "bfloat16 bool byte char double float half int long short",
  "random or uninitialised values":
    "bernoulli empty empty_like multinomial new_empty new_empty_strided normal randint_like rand_like randn randn_like uniform nn.functional.rrelu nn.functional.feature_alpha_dropout nn.functional.fractional_max_pool2d nn.functional.fractional_max_pool3d",
  "layers and losses that are not offered":
    "nn.functional.cosine_embedding_loss nn.functional.embedding_bag nn.functional.gaussian_nll_loss nn.functional.grid_sample nn.functional.hinge_embedding_loss nn.functional.local_response_norm nn.functional.margin_ranking_loss nn.functional.max_unpool1d nn.functional.max_unpool2d nn.functional.max_unpool3d nn.functional.multi_margin_loss nn.functional.multilabel_margin_loss nn.functional.multilabel_soft_margin_loss nn.functional.pairwise_distance nn.functional.pdist nn.functional.pixel_shuffle nn.functional.pixel_unshuffle nn.functional.poisson_nll_loss nn.functional.triplet_margin_loss nn.functional.unfold",
  "operators that are not offered, or rearrange others":
    "as_strided as_strided_scatter block_diag cartesian_prod cdist combinations corrcoef cov cumulative_trapezoid diag_embed frexp gradient histc histogram histogramdd index_reduce isin masked_scatter mode nanquantile narrow_copy new_full new_ones new_zeros nextafter renorm resize_ resize_as_ segment_reduce unique_consecutive scatter_reduce:prod",
  "factorisations in another form, or not offered":
    "cholesky_inverse cholesky_solve geqrf linalg.cholesky_ex linalg.cond linalg.eigh linalg.householder_product linalg.inv_ex linalg.ldl_factor linalg.ldl_factor_ex linalg.ldl_solve linalg.lstsq linalg.lu linalg.lu_factor linalg.lu_factor_ex linalg.lu_solve linalg.matrix_norm linalg.matrix_rank linalg.norm linalg.qr linalg.solve_ex linalg.svd linalg.tensorinv linalg.tensorsolve linalg.vander lu lu_solve lu_unpack norm:nuc ormqr pca_lowrank qr svd svd_lowrank symeig triangular_solve",
  "gives further results besides (attention weights, statistics), and cotangents for them":
    "nn.functional._scaled_dot_product_attention native_batch_norm",
  "the middle of an even number of elements is NumPy's mean of two, not the lower one": "median nanmedian",
  "PyTorch also hands gradients to values that were overwritten at repeated places": "index_put",
  "PyTorch's derivative uses 1/6 rounded to float32": "nn.functional.hardsigmoid",
  "PyTorch's gradient at singular matrices comes from an SVD; ours throws": "linalg.det:singular",
  "rank-deficient, or hermitian with one triangle read": "linalg.pinv:singular linalg.pinv:hermitian",
};

/** The reason for each operator, or operator and variant. */
export const skipped: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(byReason).flatMap(([reason, names]) => names.split(" ").map((name) => [name, reason])),
);
