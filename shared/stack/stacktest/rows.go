package stacktest

import (
	"fmt"
	"strings"
	"testing"

	"hookline/shared/sqlitedb"
)

// Rows returns every row that a file has of a tenant, as text, or every row of every table where the tenant is "". Two
// equal texts mean that nothing was changed.
func Rows(t testing.TB, file *sqlitedb.DB, tenant string) string {
	t.Helper()
	var out strings.Builder
	for _, table := range column(t, file, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`) {
		columns := column(t, file, `SELECT name FROM pragma_table_info(?)`, table)
		quoted := make([]string, len(columns))
		where := "1"
		for i, name := range columns {
			quoted[i] = "quote(" + name + ")"
			if tenant != "" && (name == "tenant" || table == "tenant" && name == "id") {
				where = name + " = '" + tenant + "'"
			}
		}
		if tenant != "" && where == "1" {
			continue // the table is of no tenant
		}
		query := `SELECT ` + strings.Join(quoted, ` || ',' || `) + ` FROM ` + table + ` WHERE ` + where + ` ORDER BY 1`
		for _, row := range column(t, file, query) {
			fmt.Fprintf(&out, "%s %s\n", table, row)
		}
	}
	return out.String()
}

// column returns the one column of a query's rows.
func column(t testing.TB, file *sqlitedb.DB, query string, args ...any) (out []string) {
	t.Helper()
	rows, err := file.Read().QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
