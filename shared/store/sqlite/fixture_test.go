package sqlite

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"hookline/shared/fixture"
	"hookline/shared/sqlitedb"
	"hookline/shared/store/storetest"
)

// TestKeptRows holds the rows of the store's tables to what releases wrote, each with every column.
func TestKeptRows(t *testing.T) {
	s := open(t, "", Options{})
	storetest.Write(t, s)
	rows, err := dump(s)
	must(t, err)
	for table, of := range rows {
		if len(of) == 0 && !slices.Contains([]string{"queue", "message", "body", "move"}, table) { // the queue engine's
			t.Errorf("the sample has no row in %s", table)
		}
	}
	encoded, err := json.Marshal(rows)
	must(t, err)
	fixture.Hold(t, "rows", encoded, func(b []byte) (any, error) {
		s, err := New("", Options{})
		if err != nil {
			return nil, err
		}
		defer func() { _ = s.Close() }()
		var rows map[string]map[string]map[string]any
		if err := json.Unmarshal(b, &rows); err != nil {
			return nil, err
		}
		if err := restore(t, s, rows); err != nil {
			return nil, err
		}
		return storetest.Read(t.Context(), s)
	})
}

// dump returns the rows of all tables by table and primary key, each by column. A blob is {"blob": …}.
func dump(s *Store) (map[string]map[string]map[string]any, error) {
	all := make(map[string]map[string]map[string]any)
	tables, err := texts(s, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
	for _, table := range tables {
		all[table] = make(map[string]map[string]any)
		keys, e := texts(s, `SELECT name FROM pragma_table_info('`+table+`') WHERE pk > 0 ORDER BY pk`)
		rows, err := s.db.Read().Query(`SELECT * FROM ` + table)
		if e != nil || err != nil {
			return nil, fmt.Errorf("%s: %w, %w", table, e, err)
		}
		if err := each(rows, func(row map[string]any) {
			var key []string
			for _, column := range keys {
				key = append(key, fmt.Sprint(row[column]))
			}
			all[table][strings.Join(key, "|")] = row
		}); err != nil {
			return nil, err
		}
	}
	return all, err
}

func texts(s *Store, query string) (out []string, err error) {
	rows, err := s.db.Read().Query(query)
	if err != nil {
		return nil, err
	}
	return out, each(rows, func(row map[string]any) { out = append(out, row["name"].(string)) })
}

func each(rows *sql.Rows, do func(row map[string]any)) error {
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		row := make(map[string]any)
		for i, v := range values {
			if b, ok := v.([]byte); ok {
				v = map[string]any{"blob": b}
			}
			row[columns[i]] = v
		}
		do(row)
	}
	return rows.Err()
}

// restore puts the rows into a new database. Columns that it does not have are a fault.
func restore(t *testing.T, s *Store, all map[string]map[string]map[string]any) error {
	return s.change(t.Context(), func(tx *sqlitedb.Tx) error {
		for table, rows := range all {
			for _, row := range rows {
				var columns, marks []string
				var values []any
				for column, v := range row {
					switch of := v.(type) {
					case map[string]any:
						var b []byte
						text, _ := json.Marshal(of["blob"])
						if err := json.Unmarshal(text, &b); err != nil {
							return err
						}
						v = b
					case float64:
						v = int64(of)
					}
					columns, marks, values = append(columns, column), append(marks, "?"), append(values, v)
				}
				if _, err := tx.Exec(`INSERT INTO `+table+` (`+strings.Join(columns, ", ")+`) VALUES (`+strings.Join(marks, ", ")+`)`, values...); err != nil {
					return fmt.Errorf("%s: %w", table, err)
				}
			}
		}
		return nil
	})
}
