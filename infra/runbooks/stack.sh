# What the runbooks' commands use. Source it in a clone of the repository, with STACK set to the stack's name and AWS credentials
# of its account and region. It takes bash, the AWS CLI 2, jq, and hookline (`make cli`) on the PATH.

export HOOKLINE_STACK=$STACK
outputs=$(aws cloudformation describe-stacks --stack-name "$STACK" --output text --query 'Stacks[0].Outputs[].[OutputKey, OutputValue]') &&
	resources=$(aws cloudformation list-stack-resources --stack-name "$STACK" --output text \
		--query 'StackResourceSummaries[].[LogicalResourceId, PhysicalResourceId]')

# out NAME prints an output of the stack, resource NAME the id of a resource of template.yaml.
out() { awk -v name="$1" '$1 == name { print $2; found = 1 } END { exit !found }' <<<"$outputs" || echo "$STACK has no output $1" >&2; }
resource() { awk -v name="$1" '$1 == name { print $2; found = 1 } END { exit !found }' <<<"$resources" || echo "$STACK has no resource $1" >&2; }

HOOKLINE_URL=$(out ApiUrl)
export HOOKLINE_URL

# log PATTERN [SPAN] shows what the functions logged in the last hour.
log() { aws logs tail "/hookline/$STACK/functions" --since "${2:-1h}" --filter-pattern "$1"; }

# count QUERY has CloudWatch Logs Insights count in the functions' log of the last three hours.
count() {
	local query
	query=$(aws logs start-query --log-group-name "/hookline/$STACK/functions" --start-time $(($(date +%s) - 10800)) --end-time "$(date +%s)" \
		--query-string "$1" --output text --query queryId) || return
	while aws logs get-query-results --query-id "$query" --output text --query status | grep -q -e Running -e Scheduled; do sleep 1; done
	aws logs get-query-results --query-id "$query" --output table --query 'results[].[join(` `, [].value)]'
}

# act_for TENANT has hookline act for a tenant, by a key that is in the audit log. Afterwards, leave deletes it.
act_for() {
	local made
	made=$(hookline keys create --tenant "$1" --name operations --output json) || return
	HOOKLINE_API_KEY=$(jq -r .key <<<"$made") acting=$(jq -r .id <<<"$made")
	export HOOKLINE_API_KEY
}
leave() { hookline keys delete "$acting" && unset HOOKLINE_API_KEY; }
