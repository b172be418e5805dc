/** Writes the corrected masks out, in the formats that other tools read. */
import { Button, Checkbox, Code, SegmentedControl, Stack, Text, TextInput, Title } from '@mantine/core';
import { IconFileExport } from '@tabler/icons-react';
import { useState } from 'react';
import type { ExportFormat, JobState } from '../../core/contract.ts';
import { useJobCall, useJobs, useProject } from '../queries.ts';
import { texts } from '../texts.ts';
import { JobCard } from './JobCard.tsx';
import { isActive, latestOf } from './job-facts.ts';
import { useSession, useViewState } from './session-context.ts';

const t = texts.export;
const FORMATS = Object.keys(texts.exportFormats) as ExportFormat[];

export function ExportPanel() {
  const session = useSession();
  const slideId = useViewState((state) => state.slideId);
  const { data: project } = useProject(session);
  const { data: jobs } = useJobs(session);
  const [formats, setFormats] = useState<readonly string[]>(['geojson']);
  const [which, setWhich] = useState('this');
  const [folder, setFolder] = useState('');
  const slides = project?.slides.filter(({ problem }) => problem === null) ?? [];
  const slideIds = which === 'this' ? [slideId].filter((id) => id !== null) : slides.map((slide) => slide.slideId);
  const start = useJobCall(session, () =>
    session.workstation.client.export.start({
      slideIds,
      formats: FORMATS.filter((format) => formats.includes(format)),
      folder: folder.trim() === '' ? null : folder.trim(),
    }),
  );
  const job = latestOf(jobs, 'export');
  return (
    <Stack gap={12} component="section" aria-labelledby="export-title">
      <Title order={2} id="export-title">
        {t.title}
      </Title>
      <Checkbox.Group label={t.formats} size="xs" value={[...formats]} onChange={setFormats}>
        <Stack gap={8} mt={6}>
          {FORMATS.map((format) => (
            <Checkbox
              key={format}
              value={format}
              label={texts.exportFormats[format].name}
              description={texts.exportFormats[format].hint}
            />
          ))}
        </Stack>
      </Checkbox.Group>
      <SegmentedControl
        aria-label={t.slides}
        data={[
          { value: 'this', label: t.thisSlide },
          { value: 'all', label: t.allSlides(slides.length) },
        ]}
        value={which}
        onChange={setWhich}
      />
      <TextInput
        label={t.folder}
        placeholder={t.folderHint}
        value={folder}
        onChange={(event) => setFolder(event.currentTarget.value)}
      />
      <Button
        leftSection={<IconFileExport size={15} />}
        disabled={formats.length === 0 || slideIds.length === 0 || (job !== null && isActive(job))}
        loading={start.isPending}
        onClick={() => start.mutate(undefined)}
      >
        {t.start}
      </Button>
      {job && (
        <JobCard job={job}>
          <ExportResult job={job} />
        </JobCard>
      )}
    </Stack>
  );
}

function ExportResult({ job }: { readonly job: JobState }) {
  if (job.result?.kind !== 'export') return null;
  return (
    <div>
      <Text fz="xs">{t.files(job.result.files.length)}</Text>
      <Code block className="path">
        {job.result.folder}
      </Code>
    </div>
  );
}
