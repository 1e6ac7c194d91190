module taskora/pause

go 1.26.4
