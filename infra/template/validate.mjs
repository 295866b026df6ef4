// Runs AWS's validator on a plain CloudFormation template, once for every way to set the optional parameters, and prints
// what it finds from WARN up. What the template's Metadata waives (rule, type of resource, reason) is left out; a waiver
// that waives nothing is a finding.
import { readFileSync } from "node:fs";
import { RegoEngine, TemplateFile } from "@aws/cloudformation-validate";

const domain = {
  DomainName: "hooks.example.com",
  CertificateArn: "arn:aws:acm:eu-west-1:123456789012:certificate/0a1b2c3d-0000-1111-2222-333344445555",
};
const settings = {
  "all as they come": {},
  "Stage dev": { Stage: "dev" },
  AlarmTopicArn: { AlarmTopicArn: "arn:aws:sns:eu-west-1:123456789012:alarms" },
  CorsOrigins: { CorsOrigins: "https://app.example.com,https://admin.example.com" },
  DomainName: domain,
  MailIdentity: { MailIdentity: "example.com" },
  MailIdentityExists: { MailIdentity: "example.com", MailIdentityExists: "yes" },
  HostedZoneId: { ...domain, HostedZoneId: "Z0123456789ABCDEFGHIJ" },
};

const [path] = process.argv.slice(2);
const waivers = JSON.parse(readFileSync(path, "utf8")).Metadata?.["cloudformation-validate"] ?? [];
const used = new Set();
const findings = new Map(); // what was found → under which settings

const engine = new RegoEngine();
for (const [name, parameterOverrides] of Object.entries(settings)) {
  const report = engine.validateStandard(new TemplateFile(path), { severityLevel: "WARN", parameterOverrides });
  for (const d of report.diagnostics) {
    const waiver = waivers.find((w) => w.reason && w.rule === d.ruleId && w.type === d.entity?.resourceType);
    if (waiver) {
      used.add(waiver);
      continue;
    }
    const finding = [d.severity, d.ruleId, d.entity?.logicalId, d.propertyPath, d.message].filter(Boolean).join(" ");
    findings.set(finding, [...(findings.get(finding) ?? []), name]);
  }
}
engine.free();

for (const waiver of waivers.filter((w) => !used.has(w))) {
  findings.set(`waiver of ${waiver.rule} for ${waiver.type} waives nothing`, Object.keys(settings));
}
for (const [finding, names] of findings) {
  console.log(`${finding} (with ${names.join(", ")})`);
}
process.exit(findings.size > 0 ? 1 : 0);
