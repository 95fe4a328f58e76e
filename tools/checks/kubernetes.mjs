// Renders the kustomize base and checks what an operator relies on: probes, limits, no root, a writable volume and no other.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { root } from '../setup/setup.mjs';

const { status, stdout, stderr } = spawnSync(
  'kubectl',
  ['kustomize', join(root, 'docker/kubernetes/base')],
  { encoding: 'utf8' },
);
if (status !== 0) {
  console.error(`kubectl kustomize failed: ${stderr}`);
  process.exit(1);
}
const resources = parseAllDocuments(stdout).map((document) => document.toJSON());
const names = new Set(resources.map(({ kind, metadata }) => `${kind}/${metadata.name}`));
const faults = [];
const expect = (holds, fault) => holds || faults.push(fault);

const workloads = resources.filter(({ kind }) => ['Deployment', 'StatefulSet'].includes(kind));
const replicasOf = (name) =>
  workloads.find(({ metadata }) => metadata.name === name)?.spec.replicas;
expect(replicasOf('data-provider') === 2, 'there are not two data providers');
expect(replicasOf('lifecycle') === 2, 'there is no standby manager');

for (const { metadata, spec } of workloads) {
  const { name } = metadata;
  const pod = spec.template.spec;
  expect(pod.securityContext?.runAsNonRoot === true, `${name} may run as root`);
  for (const container of pod.containers) {
    for (const probe of ['livenessProbe', 'readinessProbe'])
      expect(container[probe], `${name} has no ${probe}`);
    expect(container.resources?.limits?.memory, `${name} has no limit of memory`);
    expect(container.securityContext?.readOnlyRootFilesystem, `${name} may write to its root`);
    expect(
      container.securityContext?.allowPrivilegeEscalation === false,
      `${name} may gain privileges`,
    );
    for (const { configMapRef, secretRef } of container.envFrom ?? []) {
      const source = configMapRef ? `ConfigMap/${configMapRef.name}` : `Secret/${secretRef.name}`;
      expect(names.has(source), `${name} takes settings from ${source}, which is not there`);
    }
    for (const volume of container.volumeMounts ?? []) {
      const known = [...(pod.volumes ?? []), ...(spec.volumeClaimTemplates ?? [])].some(
        (one) => (one.name ?? one.metadata?.name) === volume.name,
      );
      expect(known, `${name} mounts ${volume.name}, which is not there`);
    }
    for (const { persistentVolumeClaim: claim } of pod.volumes ?? [])
      expect(
        !claim || names.has(`PersistentVolumeClaim/${claim.claimName}`),
        `${name} claims ${claim?.claimName}, which is not there`,
      );
  }
}
for (const fault of faults) console.error(fault);
console.log(`${resources.length} resources, ${faults.length} faults`);
process.exitCode = faults.length === 0 ? 0 : 1;
