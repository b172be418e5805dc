/** Operators that nobody can train through here, with what to do instead; the end of the sentence that refuses them. */

const RECURRENT = 'recurrent networks are not supported; use a convolutional or attention network';
const CONTROL = 'which nodes run would depend on the data; export the network by tracing, with fixed sizes';
const COUNT = 'how many values come out depends on the data; leave it out of the exported network';
const QUANTISED = 'its weights are quantised; export the model in float32 and quantise after training';
const RANDOM = 'it draws random numbers, and training must be repeatable; export the network in evaluation mode';
const SEQUENCE = 'lists of tensors are not supported; export with fixed sizes, so that Split is used instead';

export const REFUSED: Readonly<Record<string, string>> = {
  Bernoulli: RANDOM,
  BitShift: 'it works on bits, which no network learns; compute it before the picture goes in',
  Compress: COUNT,
  ConcatFromSequence: SEQUENCE,
  DequantizeLinear: QUANTISED,
  DynamicQuantizeLinear: QUANTISED,
  GRU: RECURRENT,
  If: CONTROL,
  LSTM: RECURRENT,
  Loop: CONTROL,
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
  Scan: CONTROL,
  SequenceAt: SEQUENCE,
  SequenceConstruct: SEQUENCE,
  SplitToSequence: SEQUENCE,
  StringNormalizer: 'it works on text; export the part of the network that sees the picture',
  Unique: COUNT,
};
