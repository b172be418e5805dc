/** What a person may say about a network that comes in. Each field says where its first value comes from. */
import { Input, NumberInput, SegmentedControl, Select, Stack, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import type { ModelChoices, ModelExamination } from '../../core/contract.ts';
import { asSentence, sentenceOf } from '../api.ts';
import { texts } from '../texts.ts';
import { presetOf, presetsFor } from './input-values.ts';
import { Note } from './Note.tsx';

const t = texts.importModel;

interface Props {
  readonly found: ModelExamination;
  readonly choices: ModelChoices;
  /** What speaks against the output or reading that was chosen. */
  readonly problem: Error | null;
  readonly onChange: (part: Partial<ModelChoices>) => void;
}

export function ImportChoices({ found, choices, problem, onChange }: Props) {
  const { why, outputs } = found;
  const presets = presetsFor(found.suggested.normalisation);
  return (
    <Stack gap={10}>
      <TextInput
        data-autofocus
        label={t.name}
        value={choices.name}
        onChange={(event) => onChange({ name: event.currentTarget.value })}
      />
      <Select
        label={t.inputValues}
        description={asSentence(why.normalisation ?? t.inputValuesUnknown)}
        data={presets.map(({ key, label }) => ({ value: key, label }))}
        value={presetOf(presets, choices.normalisation)}
        onChange={(key) => {
          const preset = presets.find((one) => one.key === key);
          if (preset) onChange({ normalisation: preset.normalisation });
        }}
      />
      <Labelled label={t.order}>
        <SegmentedControl
          fullWidth
          aria-label={t.order}
          data={[
            { value: 'rgb', label: t.rgb },
            { value: 'bgr', label: t.bgr },
          ]}
          value={choices.channelOrder}
          onChange={(value) => onChange({ channelOrder: value as 'rgb' | 'bgr' })}
        />
      </Labelled>
      {outputs.length > 1 && (
        <Select
          label={t.output}
          data={outputs.map(({ name, said, problem: bad }) => ({
            value: name,
            label: `${name}  ${said}`,
            disabled: bad !== null,
          }))}
          value={choices.output}
          onChange={(output) => output && onChange({ output })}
        />
      )}
      <Labelled label={t.activation} hint={asSentence(why.activation ?? t.activationGuessed)}>
        <SegmentedControl
          fullWidth
          mt={4}
          aria-label={t.activation}
          data={[
            { value: 'softmax', label: t.softmax },
            { value: 'sigmoid', label: t.sigmoid },
          ]}
          value={choices.activation}
          onChange={(value) => onChange({ activation: value as 'softmax' | 'sigmoid' })}
        />
      </Labelled>
      {problem && <Note tone="bad">{sentenceOf(problem, texts.errors.unreachable)}</Note>}
      <PixelSize key={choices.pixelSizeUm} found={found} choices={choices} onChange={onChange} />
      <ClassNames why={why.classes} choices={choices} onChange={onChange} />
    </Stack>
  );
}

function Labelled(props: { readonly label: string; readonly hint?: string; readonly children: ReactNode }) {
  return (
    <Input.Wrapper label={props.label} description={props.hint} size="xs" labelElement="div">
      {props.children}
    </Input.Wrapper>
  );
}

/** Said when the field is left: every size is another trial. */
function PixelSize({ found, choices, onChange }: Omit<Props, 'problem'>) {
  const [value, setValue] = useState<number | string>(choices.pixelSizeUm ?? '');
  return (
    <NumberInput
      label={t.pixelSize}
      description={asSentence(found.why.pixelSize ?? t.pixelSizeUnknown)}
      placeholder={t.unknown}
      min={0.01}
      max={100}
      step={0.25}
      decimalScale={4}
      value={value}
      onChange={setValue}
      onBlur={() => onChange({ pixelSizeUm: typeof value === 'number' && value > 0 ? value : null })}
    />
  );
}

interface ClassProps {
  readonly why: string | null;
  readonly choices: ModelChoices;
  readonly onChange: Props['onChange'];
}

function ClassNames({ why, choices, onChange }: ClassProps) {
  return (
    <Labelled label={t.classes(choices.classes.length)} hint={asSentence(why ?? t.classesUnknown)}>
      <Stack gap={4} mt={4}>
        {choices.classes.map((name, at) => (
          <TextInput
            // biome-ignore lint/suspicious/noArrayIndexKey: a class is its channel, whatever it is called
            key={at}
            aria-label={t.className(at)}
            value={name}
            maxLength={200}
            onChange={(event) => {
              const typed = event.currentTarget.value;
              onChange({ classes: choices.classes.map((old, i) => (i === at ? typed : old)) });
            }}
          />
        ))}
      </Stack>
    </Labelled>
  );
}
