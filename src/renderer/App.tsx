/** The window: providers, the frame of header, tools, slide and panels, and what is shown over them. */
import { Alert, AppShell, Button, Center, Loader, MantineProvider, Stack, Text } from '@mantine/core';
import { Notifications, notifications } from '@mantine/notifications';
import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import { useEffect } from 'react';
import { sentenceOf } from './api.ts';
import { attachKeyboard } from './keyboard.ts';
import type { Notice } from './notices.ts';
import { CheatSheet } from './panels/CheatSheet.tsx';
import { ErrorBoundary } from './panels/ErrorBoundary.tsx';
import { Header } from './panels/Header.tsx';
import { SidePanels } from './panels/SidePanels.tsx';
import { SessionContext, useSession, useViewState } from './panels/session-context.ts';
import { ToolRail } from './panels/ToolRail.tsx';
import { theme } from './panels/theme.ts';
import { ViewerArea } from './panels/ViewerArea.tsx';
import { QueryClientProvider, useProject } from './queries.ts';
import type { Session } from './session.ts';
import './styles.css';
import { texts } from './texts.ts';

export function App({ session }: { readonly session: Session }) {
  useEffect(() => session.start(), [session]);
  useEffect(() => attachKeyboard(session), [session]);
  useEffect(() => session.notices.show(showNotice), [session]);
  return (
    <MantineProvider theme={theme} forceColorScheme="dark">
      <Notifications position="bottom-left" limit={4} autoClose={12_000} />
      <QueryClientProvider client={session.queries}>
        <SessionContext value={session}>
          <ErrorBoundary>
            <Frame />
          </ErrorBoundary>
        </SessionContext>
      </QueryClientProvider>
    </MantineProvider>
  );
}

function showNotice({ kind, title, message }: Notice) {
  notifications.show({
    title,
    message,
    color: kind === 'error' ? 'red' : 'accent',
    closeButtonProps: { 'aria-label': texts.errors.dismiss },
    role: kind === 'error' ? 'alert' : 'status',
  });
}

function Frame() {
  const session = useSession();
  const { data: project, error, refetch } = useProject(session);
  useFirstSlide();
  useTitle();
  if (!project) return <Starting error={error} onRetry={() => void refetch()} />;
  return (
    <AppShell
      header={{ height: 48 }}
      navbar={{ width: 60, breakpoint: 0 }}
      aside={{ width: 416, breakpoint: 0 }}
      padding={0}
      transitionDuration={0}
    >
      <AppShell.Header>
        <Header />
      </AppShell.Header>
      <AppShell.Navbar aria-label={texts.commands.groups.tools}>
        <ToolRail />
      </AppShell.Navbar>
      <AppShell.Main>
        <ErrorBoundary>
          <ViewerArea />
        </ErrorBoundary>
      </AppShell.Main>
      <AppShell.Aside>
        <SidePanels />
      </AppShell.Aside>
      <CheatSheet />
    </AppShell>
  );
}

/** Opens the first usable slide where none is open. */
function useFirstSlide() {
  const session = useSession();
  const slideId = useViewState((state) => state.slideId);
  const { data: project } = useProject(session);
  const first = project?.slides.find(({ problem }) => problem === null)?.slideId ?? null;
  useEffect(() => {
    if (slideId === null && first !== null) session.view.setState({ slideId: first });
  }, [session, slideId, first]);
}

/** Names the window after what is open in it. */
function useTitle() {
  const session = useSession();
  const slideId = useViewState((state) => state.slideId);
  const { data: project } = useProject(session);
  const slide = project?.slides.find((one) => one.slideId === slideId);
  const title = slide && project ? texts.title(slide.name, project.name) : texts.appName;
  useEffect(() => {
    document.title = title;
  }, [title]);
}

function Starting({ error, onRetry }: { readonly error: Error | null; readonly onRetry: () => void }) {
  return (
    <Center h="100vh" component="main">
      {error ? (
        <Alert color="red" title={texts.errors.cannotStart}>
          <Stack gap={10} align="flex-start">
            {sentenceOf(error, texts.errors.unreachable)}
            <Button onClick={onRetry}>{texts.errors.retry}</Button>
          </Stack>
        </Alert>
      ) : (
        <Stack align="center" gap={10}>
          <Loader size="sm" />
          <Text fz="sm">{texts.errors.starting}</Text>
        </Stack>
      )}
    </Center>
  );
}
