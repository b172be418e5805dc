/** Keeps a failure of one part of the window to that part, with a way out. */
import { Button, Group, Paper, Stack, Text, Title } from '@mantine/core';
import { Component, type ReactNode } from 'react';
import { texts } from '../texts.ts';

const t = texts.errors;

export class ErrorBoundary extends Component<{ readonly children: ReactNode }, { readonly failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <Paper p="md" className="card" role="alert">
        <Stack gap={10}>
          <Title order={2}>{t.crashed}</Title>
          <Text fz="sm">{t.crashedHint}</Text>
          <Group gap={8}>
            <Button variant="default" onClick={() => this.setState({ failed: false })}>
              {t.again}
            </Button>
            <Button onClick={() => window.location.reload()}>{t.reload}</Button>
          </Group>
        </Stack>
      </Paper>
    );
  }
}
