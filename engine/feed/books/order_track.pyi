from engine.book import OrderBook
from engine.feed.books.track import Track

class OrderTrack(Track):
    orders: OrderBook
    contradictions: int
