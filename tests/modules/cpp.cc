/* A module in C++20: standard library, exceptions caught at the door, data of
 * instance and thread as objects. */
#include <atomic>
#include <cerrno>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>

#include <weir/module.h>

namespace
{

struct counter {
	std::atomic<long> calls{ 0 };
};

struct session {
	std::string name;
};

/* GET /cpp/{word}: {"word": backwards, "session": of thread_init, "calls": n} */
int backwards(weir_request *req, weir_response *res)
{
	auto *shared = static_cast<counter *>(weir_data(req));
	const auto *own = static_cast<const session *>(weir_thread_data(req));
	const std::string word = weir_param(req, "word");
	const std::string reversed(word.rbegin(), word.rend());
	return weir_jsonf(res, 200, "{\"word\": %s, \"session\": \"%s\", \"calls\": %ld}",
			  weir_json_quote(req, reversed.c_str()), own->name.c_str(),
			  ++shared->calls);
}

/* GET /cpp-throw: an exception must not leave the handler; 409 with its text. */
int thrower(weir_request *, weir_response *res)
{
	try {
		throw std::runtime_error("caught in the module");
	} catch (const std::exception &e) {
		return weir_error(res, 409, e.what());
	}
}

int init(weir_instance *, void **ret_data)
{
	*ret_data = new (std::nothrow) counter;
	return *ret_data ? 0 : -ENOMEM;
}

void fini(weir_instance *, void *data)
{
	delete static_cast<counter *>(data);
}

int thread_init(weir_instance *self, void *, void **ret_thread_data)
{
	auto own = std::make_unique<session>();
	own->name = std::string("of ") + weir_instance_name(self);
	*ret_thread_data = own.release();
	return 0;
}

void thread_fini(weir_instance *, void *, void *thread_data)
{
	delete static_cast<session *>(thread_data);
}

/* WEIR_ROUTES() is a compound literal, which C++ does not have: an array does. */
const weir_route routes[] = {
	WEIR_GET("/cpp/{word}", backwards),
	WEIR_GET("/cpp-throw", thrower),
	{},
};

} // namespace

WEIR_MODULE(.name = "cpp", .version = "20", .summary = "a module in C++", .routes = routes,
	    .options = nullptr, .init = init, .fini = fini, .thread_init = thread_init,
	    .thread_fini = thread_fini, .check = nullptr)
