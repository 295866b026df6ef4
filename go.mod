module hookline

go 1.26
