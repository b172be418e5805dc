import { describe, expect, test } from 'vitest';
import { openProjectDatabase } from '../../../src/main/store/project-database.ts';
import { sampleModel, sampleSlide, temporaryFolder } from './project-fixture.ts';

const badInput = expect.objectContaining({ code: 'bad-input' });

describe('a project', () => {
  test('starts with its folder’s name, two classes, and one identity for life', () => {
    const folder = temporaryFolder();
    const first = openProjectDatabase(`${folder}/lung study`, { user: 'ann' });
    const row = first.methods.project();
    expect(row).toMatchObject({ name: 'lung study', user: 'ann', liveModelId: null });
    expect(row.classes.map(({ id, name }) => [id, name])).toEqual([
      [1, 'Background'],
      [2, 'Nucleus'],
    ]);
    first.close();
    const second = openProjectDatabase(`${folder}/lung study`, { user: 'ben', name: 'other' });
    expect(second.methods.project()).toEqual(row);
    second.close();
  });

  test('takes a new name, person and live model, but no empty name and no unknown model', () => {
    const { methods: store, close } = openProjectDatabase(temporaryFolder());
    store.addModel(sampleModel());
    expect(store.updateProject({ name: 'n', user: 'u', liveModelId: 'model-1' })).toMatchObject({
      name: 'n',
      user: 'u',
      liveModelId: 'model-1',
    });
    expect(() => store.updateProject({ name: '  ' })).toThrowError(badInput);
    expect(() => store.updateProject({ liveModelId: 'gone' })).toThrowError(
      expect.objectContaining({ code: 'not-found' }),
    );
    expect(store.project()).toMatchObject({ name: 'n', liveModelId: 'model-1' });
    close();
  });

  test('numbers new classes from 3 to 127, renames old ones, and refuses what cannot be', () => {
    const { methods: store, close } = openProjectDatabase(temporaryFolder());
    for (let id = 3; id <= 127; id++) {
      const { classes } = store.saveClass({ id: null, name: `class ${id}`, color: '#00ff00' });
      expect(classes.at(-1)!.id).toBe(id);
    }
    expect(() => store.saveClass({ id: null, name: 'one too many', color: '#00ff00' })).toThrowError(badInput);
    expect(store.saveClass({ id: 2, name: ' Kern ', color: '#ABCDEF' }).classes[1]).toEqual({
      id: 2,
      name: 'Kern',
      color: '#ABCDEF',
    });
    for (const change of [
      { id: 2, name: '', color: '#000000' },
      { id: 2, name: 'CLASS 3', color: '#000000' },
      { id: 2, name: 'x', color: 'red' },
      { id: 0, name: 'x', color: '#000000' },
      { id: 128, name: 'x', color: '#000000' },
      { id: 2.5, name: 'x', color: '#000000' },
    ]) {
      expect(() => store.saveClass(change)).toThrowError(badInput);
    }
    close();
  });

  test('keeps slides in order, each once, with a pixel size by a person’s word', () => {
    const { methods: store, close } = openProjectDatabase(temporaryFolder());
    store.addSlide(sampleSlide('b'));
    store.addSlide(sampleSlide('a'));
    expect(store.slides().map(({ slideId, userPixelSizeUm }) => [slideId, userPixelSizeUm])).toEqual([
      ['b', null],
      ['a', null],
    ]);
    expect(store.setUserPixelSize('a', 0.25).userPixelSizeUm).toBe(0.25);
    expect(() => store.addSlide(sampleSlide('a'))).toThrowError(expect.objectContaining({ code: 'conflict' }));
    expect(() => store.addSlide({ ...sampleSlide('c'), widthPx: 0 })).toThrowError(badInput);
    for (const size of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => store.setUserPixelSize('a', size)).toThrowError(badInput);
    }
    expect(() => store.setUserPixelSize('c', 1)).toThrowError(expect.objectContaining({ code: 'not-found' }));
    close();
  });

  test('keeps models and jobs as they were given; a model’s state may change, its id may not be taken twice', () => {
    const { methods: store, close } = openProjectDatabase(temporaryFolder());
    const training = JSON.stringify({ steps: 10 });
    const models = [sampleModel('m1'), { ...sampleModel('m2'), parentId: 'm1', training, state: 'candidate' as const }];
    for (const model of models) store.addModel(model);
    expect(store.models()).toEqual(models);
    store.setModelState('m2', 'refused');
    expect(store.models()[1]!.state).toBe('refused');
    expect(() => store.addModel(models[0]!)).toThrowError(expect.objectContaining({ code: 'conflict' }));
    expect(() => store.setModelState('m3', 'live')).toThrowError(expect.objectContaining({ code: 'not-found' }));
    store.saveJob({ jobId: 'j1', kind: 'train', state: '{"state":"running"}', input: '{}' });
    store.saveJob({ jobId: 'j2', kind: 'export', state: '{}', input: '{}' });
    store.saveJob({ jobId: 'j1', kind: 'train', state: '{"state":"done"}', input: '{}' });
    expect(store.jobs().map((job) => [job.jobId, job.state])).toEqual([
      ['j1', '{"state":"done"}'],
      ['j2', '{}'],
    ]);
    close();
  });
});
