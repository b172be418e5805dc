/** Operators that nobody can train through here, with what to do instead; the end of the sentence that refuses them. */

const ATTENTION = 'it is fused; export the network unoptimised, with attention as matrix products and Softmax';
const REGIONS = 'it cuts out regions whose place depends on the data; leave it out of the exported network';
const FUSED = 'it is fused for one runtime; export the network unoptimised';
const RECURRENT = 'recurrent networks are not supported; use a convolutional or attention network';
const CONTROL = 'which nodes run would depend on the data; export the network by tracing, with fixed sizes';
const COUNT = 'how many values come out depends on the data; leave it out of the exported network';
const QUANTISED = 'its weights are quantised; export the model in float32 and quantise after training';
const RANDOM = 'it draws random numbers, and training must be repeatable; export the network in evaluation mode';
const SEQUENCE = 'lists of tensors are not supported; export with fixed sizes, so that Split is used instead';

export const REFUSED: Readonly<Record<string, string>> = {
  AffineGrid: REGIONS,
  Attention: ATTENTION,
  Bernoulli: RANDOM,
  BitShift: 'it works on bits, which no network learns; compute it before the picture goes in',
  Compress: COUNT,
  ConcatFromSequence: SEQUENCE,
  DeformConv: 'its taps move with the data; use a plain or a dilated convolution',
  DequantizeLinear: QUANTISED,
  DynamicQuantizeLinear: QUANTISED,
  GRU: RECURRENT,
  GridSample: REGIONS,
  If: CONTROL,
  LSTM: RECURRENT,
  Loop: CONTROL,
  MaxRoiPool: REGIONS,
  MaxUnpool: 'it puts values where a max pool found them; use Resize or ConvTranspose to get larger',
  Multinomial: RANDOM,
  NonMaxSuppression: COUNT,
  QLinearConv: QUANTISED,
  QLinearMatMul: QUANTISED,
  QuantizeLinear: QUANTISED,
  RNN: RECURRENT,
  RandomNormal: RANDOM,
  RandomNormalLike: RANDOM,
  RandomUniform: RANDOM,
  RandomUniformLike: RANDOM,
  ReverseSequence: 'it reverses each sample by a length of its own; reverse an axis with Slice and a step of −1',
  RoiAlign: REGIONS,
  Scan: CONTROL,
  SequenceAt: SEQUENCE,
  SequenceConstruct: SEQUENCE,
  SplitToSequence: SEQUENCE,
  StringNormalizer: 'it works on text; export the part of the network that sees the picture',
  Unique: COUNT,
  'com.microsoft.Attention': ATTENTION,
  'com.microsoft.FusedConv': FUSED,
  'com.microsoft.FusedGemm': FUSED,
  'com.microsoft.GroupNorm': FUSED,
  'com.microsoft.GroupQueryAttention': ATTENTION,
  'com.microsoft.MultiHeadAttention': ATTENTION,
  'com.microsoft.NhwcConv': FUSED,
  'com.microsoft.PackedAttention': ATTENTION,
};
