// The same answers by net/http; what blocks does so under a semaphore.
//
//	main PORT TOKENS ROOT
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"
)

func main() {
	tokens, err := strconv.Atoi(os.Args[2])
	if err != nil {
		panic(err)
	}
	semaphore := make(chan struct{}, tokens)
	hello := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, "hello, world\n")
	}
	blocking := func(pause time.Duration) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			semaphore <- struct{}{}
			if pause > 0 {
				time.Sleep(pause)
			}
			<-semaphore
			hello(w, r)
		}
	}
	http.HandleFunc("/inline", hello)
	http.HandleFunc("/blocking", blocking(0))
	http.HandleFunc("/sleep10", blocking(10*time.Millisecond))
	http.HandleFunc("/length", func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, "%d\n", n)
	})
	http.Handle("/files/", http.StripPrefix("/files/", http.FileServer(http.Dir(os.Args[3]))))
	panic(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}
